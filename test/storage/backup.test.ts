import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { storedKeys } from "@drover/coordinator/testing/stored-jobs.ts";
import { freePort } from "../support/free-port.ts";
import { AgentProcess } from "./agent-process.ts";
import { CoordinatorProcess, runCommand } from "./coordinator-process.ts";
import { waitFor } from "../support/wait-for.ts";

let folder: string;
let dataDir: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "drover-backup-"));
  dataDir = join(folder, "coordinator");
  file = join(folder, "backup.db");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const SMALL = { cpus: 0.01, memory: "1MiB" };

describe("a backup under load", () => {
  test("is finished, whole, and holds every submission acknowledged before it began", async () => {
    await using coordinator = await CoordinatorProcess.start({ dataDir });
    const { client } = coordinator;
    const acknowledged: string[] = [];
    let isOver = false;
    const submitAll = async (number: number): Promise<void> => {
      for (let count = 0; !isOver; count++) {
        const idempotencyKey = `${number}-${count}`;
        await client.submitJob({ command: ["true"], resources: SMALL }, { idempotencyKey });
        acknowledged.push(idempotencyKey);
      }
    };
    const load = Promise.all(Array.from({ length: 8 }, (_, number) => submitAll(number)));
    for (let round = 0; round < 2; round++) {
      const [before, restoredTo] = [[...acknowledged], join(folder, `restored-${round}`)];
      expect(await runCommand(["backup", file, "--data-dir", dataDir])).toMatchObject({ exitCode: 0 });
      // Nobody waited for it.
      expect(acknowledged.length).toBeGreaterThan(before.length);
      expect(await runCommand(["restore", file, "--data-dir", restoredTo])).toMatchObject({ exitCode: 0 });
      const held = new Set(storedKeys(restoredTo));
      expect(before.filter((key) => !held.has(key))).toEqual([]);
    }
    isOver = true;
    await load;
  });

  test("is refused its restore as long as the coordinator runs, in one line", async () => {
    await using coordinator = await CoordinatorProcess.start({ dataDir });
    expect(coordinator.hasEnded).toBe(false);
    expect(await runCommand(["backup", file, "--data-dir", dataDir, "--json"])).toEqual({
      exitCode: 0,
      said: expect.stringMatching(/^\{"command":"backup",[^\n]*"jobCount":0,[^\n]*\}\n$/),
    });
    expect(await runCommand(["restore", file, "--data-dir", dataDir])).toEqual({
      exitCode: 1,
      said: expect.stringMatching(/^drover-coordinator: dataDir\.locked: [^\n]+\n$/),
    });
  });
});

describe("the coordinator says when it starts", () => {
  const startAndStop = async (): Promise<CoordinatorProcess> => {
    const coordinator = await CoordinatorProcess.start({ dataDir });
    await coordinator.stop();
    return coordinator;
  };

  test("that it has finished a restore that was cut off, or that one was given up", async () => {
    await startAndStop();
    await runCommand(["backup", file, "--data-dir", dataDir]);
    cpSync(file, join(dataDir, "drover.db.incoming"));
    expect((await startAndStop()).said("store.restoreAbandoned")).toBe(true);
    cpSync(file, join(dataDir, "drover.db.restored-20261123T120000.000Z"));
    expect((await startAndStop()).said("store.restoreFinished")).toBe(true);
    expect(existsSync(join(dataDir, "drover.db.before-20261123T120000.000Z"))).toBe(true);
  });

  test("that it has read its database through, when it was killed the last time", async () => {
    const killed = await CoordinatorProcess.start({ dataDir });
    await killed.kill();
    expect((await startAndStop()).said("store.checked")).toBe(true);
    expect((await startAndStop()).said("store.checked")).toBe(false);
  });
});

/** Says on the machine that it runs, until it is allowed to end. */
function script(name: string): string {
  return `echo output of ${name}; touch "${folder}/${name}.runs"; while [ -d "${folder}" ] && [ ! -e "${folder}/${name}.may-end" ]; do sleep 0.05; done`;
}

describe("after the restore of an older backup", () => {
  test("what it knows goes on, what was acknowledged since is stopped and gone, and what has ended since is run again", async () => {
    const port = await freePort();
    let coordinator = await CoordinatorProcess.start({ dataDir, port });
    await using agent = await AgentProcess.start({ coordinator, dataDir: join(folder, "agent") });
    const submit = async (name: string): Promise<number> => {
      const { id } = await coordinator.client.submitJob({ name, script: script(name), resources: SMALL });
      await waitFor(`${name} to run`, () => existsSync(join(folder, `${name}.runs`)));
      return id;
    };
    const end = async (id: number, name: string): Promise<void> => {
      cpSync(join(folder, `${name}.runs`), join(folder, `${name}.may-end`));
      await waitFor(`${name} to end`, async () => (await coordinator.client.getJob(id)).endedAt !== null);
    };
    const goesOn = await submit("goes-on");
    const endsSince = await submit("ends-since");
    await waitFor(
      "both to be known as running",
      async () => (await coordinator.client.listJobs({ state: "running" })).jobs.length === 2,
    );

    // As docs/operations.md says: the database first, then the output.
    expect(await runCommand(["backup", file, "--data-dir", dataDir])).toMatchObject({ exitCode: 0 });
    cpSync(join(dataDir, "output"), join(folder, "output-copy"), { recursive: true });
    await end(endsSince, "ends-since");
    rmSync(join(folder, "ends-since.runs"));
    const unknown = await submit("unknown");
    await coordinator.stop();
    rmSync(join(dataDir, "output"), { recursive: true });
    cpSync(join(folder, "output-copy"), join(dataDir, "output"), { recursive: true });
    expect(await runCommand(["restore", file, "--data-dir", dataDir])).toMatchObject({ exitCode: 0 });

    coordinator = await CoordinatorProcess.start({ dataDir, port });
    await using _ = coordinator;
    await waitFor("what ended since to run again", () => existsSync(join(folder, "ends-since.runs")));
    await end(endsSince, "ends-since");
    expect((await coordinator.client.getJob(endsSince)).tasks[0]?.attempts).toMatchObject([
      { outcome: { type: "nodeLost" } },
      { outcome: { type: "exited", code: 0 } },
    ]);
    await expect(coordinator.client.getJob(unknown)).rejects.toMatchObject({ code: "job.notFound" });
    await waitFor("the unknown one to be stopped", () => readdirSync(join(folder, "agent/attempts")).length === 1);
    await end(goesOn, "goes-on");
    const { tasks } = await coordinator.client.getJob(goesOn);
    expect(tasks[0]?.attempts).toMatchObject([{ outcome: { type: "exited", code: 0 } }]);
    const output = await fetch(`${coordinator.url}/v1/jobs/${goesOn}/output`, {
      headers: coordinator.token.headers(),
    });
    expect(await output.text()).toBe("output of goes-on\n");
    await waitFor("nothing to be left on the node", () => readdirSync(join(folder, "agent/attempts")).length === 0);
    // The number is given again: only the attempt's id tells the two apart.
    expect((await coordinator.client.submitJob({ command: ["true"] })).id).toBe(unknown);
    expect(agent.hasEnded).toBe(false);
  });
});
