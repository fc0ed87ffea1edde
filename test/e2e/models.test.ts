import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LocalHub } from "@drover/shared/testing/local-hub/local-hub.ts";
import { CHECKOUT, LocalFleet } from "../support/local-fleet.ts";
import { waitFor } from "../support/wait-for.ts";

const MIB = 1024 * 1024;
const TOKEN = "hf_canaryOfTheEndToEndTest";

const PAGE = readFileSync(join(CHECKOUT, "docs/models.md"), "utf8");
const COMMANDS = [...PAGE.matchAll(/^drover .*$/gm)].map(([line]) => line.replace(/ {2,}#.*$/, ""));

const folder = mkdtempSync(join(tmpdir(), "drover-hub-token-"));
const tokenFile = join(folder, "token");
writeFileSync(tokenFile, `${TOKEN}\n`);

let hub: LocalHub;
let fleet: LocalFleet;

beforeAll(async () => {
  hub = await LocalHub.start();
  const contents = { "config.json": "{}", "model.safetensors": Buffer.alloc(3 * 1024 * 1024, "weights") };
  const commit = hub.publish("acme/tiny-llm", contents);
  hub.repositories.get("acme/tiny-llm")?.revisions.set("v1.0", commit);
  hub.tokens.add(TOKEN);
  fleet = await LocalFleet.start([], ["--hf-endpoint", hub.url, "--hf-token-file", tokenFile]);
});
afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
  await hub[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** All that is written below a folder. */
function everythingIn(directory: string): string {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1")).join("\n");
}

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
  await waitFor("it to be ready", async () => (await stateOf("tiny")) === "ready");
  expect((await typed("drover models")).printed).toMatch(/^tiny +3\.0 MiB +2 .* local ready +hf:\/\/acme\/tiny-llm@/m);
  const [placement] = (await fleet.client.listPlacements("local")).placements;
  expect(placement).toMatchObject({ state: "ready", isPinned: true, bytesDone: 3 * MIB + 2 });
});

async function stateOf(name: string): Promise<string | undefined> {
  const { placements } = await fleet.client.getModel(name);
  return placements[0]?.state;
}

test("a gated model comes to a node that never sees the token, large files and small", async () => {
  const contents = { "config.json": "{}", "model.safetensors": Buffer.alloc(2 * MIB, "secret weights") };
  hub.publish("acme/closed", contents, { gated: "manual", acceptedTokens: new Set([TOKEN]) });
  await fleet.client.addModel({ name: "closed", reference: "hf://acme/closed" });
  await fleet.client.placeModel("closed", { on: "local" });
  await waitFor("it to be ready", async () => (await stateOf("closed")) === "ready");
  const cache = join(fleet.folder, "agent/models/hub/models--acme--closed");
  const commit = readFileSync(join(cache, "refs/main"), "utf8");
  expect(readFileSync(join(cache, "snapshots", commit, "config.json"), "utf8")).toBe("{}");
  expect(hub.cdn.credentials).toEqual([]);
  expect(everythingIn(join(fleet.folder, "agent"))).not.toContain(TOKEN);
});

test("a task reads its model, brought for it, and `drover why` says what it waits for until then", async () => {
  hub.publish("acme/slow", { "weights.bin": Buffer.alloc(4 * MIB, "slow weights") });
  await fleet.client.addModel({ name: "slow", reference: "hf://acme/slow" });
  hub.cdn.bytesPerSecond = MIB;
  const job = await fleet.client.submitJob({ script: 'wc -c < "$DROVER_MODEL_SLOW/weights.bin"', models: ["slow"] });
  await waitFor(
    "the reason",
    async () => (await fleet.client.getJob(job.id)).waiting?.message.includes("% on local") === true,
  );
  expect((await fleet.client.getJob(job.id)).waiting?.code).toBe("awaitsModel");
  hub.cdn.bytesPerSecond = null;
  await fleet.untilEnded(job.id);
  expect((await fleet.outputOf(job.id)).toString().trim()).toBe(String(4 * MIB));
});

test("what is damaged or lost on a node while its agent is away is brought again", async () => {
  await fleet.stopAgent();
  rmSync(join(fleet.folder, "agent/models"), { recursive: true });
  fleet.startAgent();
  await waitFor("it to be ready again", async () => {
    const since = (await fleet.client.getModel("tiny")).placements[0];
    return (
      since?.state === "ready" && existsSync(join(fleet.folder, "agent/models/hub/models--acme--tiny-llm/refs/main"))
    );
  });
});

test("what the Hub refuses is said in one line, with what to do", async () => {
  hub.publish("acme/gated", { a: "1" }, { gated: "manual" });
  const { exitCode, printed } = await typed("drover model add gated hf://acme/gated");
  expect(exitCode).toBe(2);
  expect(printed).toMatch(/^drover: the Hub does not let .* at acme\/gated; ask for access .*\n$/i);
});
