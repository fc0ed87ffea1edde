import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LocalHub } from "@drover/shared/testing/local-hub/local-hub.ts";
import { CHECKOUT, LocalFleet } from "../support/local-fleet.ts";

const PAGE = readFileSync(join(CHECKOUT, "docs/models.md"), "utf8");
const COMMANDS = [...PAGE.matchAll(/^drover .*$/gm)].map(([line]) => line.replace(/ {2,}#.*$/, ""));

let hub: LocalHub;
let fleet: LocalFleet;

beforeAll(async () => {
  hub = await LocalHub.start();
  const contents = { "config.json": "{}", "model.safetensors": Buffer.alloc(3 * 1024 * 1024, "weights") };
  const commit = hub.publish("acme/tiny-llm", contents);
  hub.repositories.get("acme/tiny-llm")?.revisions.set("v1.0", commit);
  fleet = await LocalFleet.start([], ["--hf-endpoint", hub.url]);
});
afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
  await hub[Symbol.asyncDispose]();
});

async function typed(commandLine: string): Promise<{ exitCode: number | null; printed: string }> {
  const drover = `'${process.execPath}' '${join(CHECKOUT, "packages/cli/bin/drover.mjs")}'`;
  const child = spawn("/bin/sh", ["-c", `exec ${commandLine.replace(/^drover/, drover)}`], {
    env: { ...process.env, DROVER_COORDINATOR: fleet.url, DROVER_TOKEN: fleet.token.read() ?? "" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  const [exitCode] = (await once(child, "close")) as [number | null];
  return { exitCode, printed };
}

// In the order of the page: each finds what the ones before it have left.
test("what docs/models.md shows runs", async () => {
  expect(COMMANDS.length).toBeGreaterThan(5);
  for (const command of COMMANDS)
    expect({ command, ...(await typed(command)) }).toMatchObject({ command, exitCode: 0 });
  expect((await typed("drover models")).printed).toMatch(/^tiny +3\.0 MiB +2 .*hf:\/\/acme\/tiny-llm@/m);
});

test("what the Hub refuses is said in one line, with what to do", async () => {
  hub.publish("acme/gated", { a: "1" }, { gated: "manual" });
  const { exitCode, printed } = await typed("drover model add gated hf://acme/gated");
  expect(exitCode).toBe(2);
  expect(printed).toMatch(/^drover: acme\/gated is gated; accept the licence .*--hf-token-file FILE\n$/);
});
