import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";

const PROGRAM = fileURLToPath(new URL("../bin/drover-coordinator.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "drover-main-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(...args: string[]) {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let said = "";
  let arrived = Promise.withResolvers<void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      arrived.resolve();
      arrived = Promise.withResolvers();
    });
  }
  const until = async (text: string): Promise<void> => {
    while (!said.includes(text)) await arrived.promise;
  };
  return { child, said: () => said, until, ended: once(child, "close") as Promise<[number | null, string | null]> };
}

describe("drover-coordinator", () => {
  test("listens, stops on SIGTERM, and says both", async () => {
    const running = start("--listen", "127.0.0.1:0", "--data-dir", join(folder, "a"), "--log", "json");
    await running.until("coordinator.listening");
    running.child.kill("SIGTERM");
    expect(await running.ended).toEqual([0, null]);
    const events = running
      .said()
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { event: string }).event);
    expect(events).toEqual([
      "coordinator.listening",
      "access.adminTokenMissing",
      "coordinator.stopping",
      "coordinator.stopped",
    ]);
  });

  test("refuses a data directory that another one uses, in one line", async () => {
    const dataDir = join(folder, "b");
    await start("--listen", "127.0.0.1:0", "--data-dir", dataDir, "--log", "json").until("coordinator.listening");
    const second = start("--listen", "127.0.0.1:0", "--data-dir", dataDir);
    expect(await second.ended).toEqual([1, null]);
    expect(second.said()).toMatch(/^drover-coordinator: dataDir\.locked: [^\n]+\n$/);
  });

  test("refuses to be reached by others under no name, in one line", async () => {
    const refused = start("--listen", "0.0.0.0:0", "--data-dir", join(folder, "c"));
    expect(await refused.ended).toEqual([1, null]);
    expect(refused.said()).toMatch(/^drover-coordinator: listen\.nameMissing: [^\n]+--advertise[^\n]+\n$/);
  });

  test("refuses an address that is taken, in one line", async () => {
    const first = start("--listen", "127.0.0.1:0", "--data-dir", join(folder, "d"), "--log", "json");
    await first.until("coordinator.listening");
    const port = /http:\/\/127\.0\.0\.1:(\d+)/.exec(first.said())?.[1];
    const second = start("--listen", `127.0.0.1:${port}`, "--data-dir", join(folder, "e"));
    expect(await second.ended).toEqual([1, null]);
    expect(second.said()).toMatch(/^drover-coordinator: listen\.addressInUse: [^\n]+\n$/);
  });

  test("goes on when nobody reads its log any more", async () => {
    const tokenFile = join(folder, "local-token");
    const running = start(
      "--listen",
      "127.0.0.1:0",
      "--data-dir",
      join(folder, "f"),
      "--log",
      "json",
      "--local-token",
      tokenFile,
    );
    await running.until("coordinator.listening");
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(running.said())?.[0] ?? "";
    const token = readFileSync(tokenFile, "utf8").trim();
    running.child.stdout.destroy();
    for (let i = 0; i < 3; i++) {
      const body = JSON.stringify({ command: ["true"] });
      const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
      expect((await fetch(`${url}/v1/jobs`, { method: "POST", headers, body })).status).toBe(201);
    }
    running.child.kill("SIGTERM");
    expect(await once(running.child, "exit")).toEqual([0, null]);
  });
});
