import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { a100, a100Uuid, gpuCsv, nvidiaSmi, type GpuCells } from "../../packages/agent/src/testing/nvidia-machines.ts";
import { makeTool, type Replay, type ReplayedTool } from "../../packages/agent/src/testing/replayed-tool.ts";
import { LocalFleet } from "../support/local-fleet.ts";
import { waitFor } from "../support/wait-for.ts";

const GPUS = [a100(0), a100(1)];
const folder = mkdtempSync(join(tmpdir(), "drover-hardware-"));
let tool: ReplayedTool;
let fleet: LocalFleet;

function machine(gpus: readonly GpuCells[], processes: string): Replay[] {
  return [
    { when: "--query-gpu.*--loop", csv: gpuCsv(gpus), everyMs: 200 },
    { when: "--query-compute-apps.*--loop", stdout: processes, everyMs: 200 },
    ...nvidiaSmi(gpus),
  ];
}

beforeAll(async () => {
  tool = makeTool(folder, machine(GPUS, `${a100Uuid(0)}, ${process.pid}, node, 512\n`));
  const burnTest = join(folder, "burn");
  writeFileSync(burnTest, `#!/bin/sh\necho "$@" >> ${folder}/burned; echo ECC error; exit 3\n`, { mode: 0o755 });
  fleet = await LocalFleet.start(["--nvidia-smi", tool.path, "--burn-test", burnTest]);
});
afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Which GPUs a job of one GPU is given. */
async function gpusOfAJob(): Promise<string> {
  const { id } = await fleet.client.submitJob({
    script: 'echo "$CUDA_VISIBLE_DEVICES"',
    resources: { cpus: 0.1, memory: "1MiB", gpus: 1 },
  });
  await fleet.untilEnded(id);
  return (await fleet.outputOf(id)).toString().trim();
}

async function untilIll(expected: readonly string[]): Promise<void> {
  await waitFor(`${expected.join()} to be ill`, async () => {
    const { health } = await fleet.client.getNode("local");
    const codes = health.gpus.map(({ gpuId, reasons }) => `${gpuId} ${reasons.map(({ code }) => code).join(" ")}`);
    return codes.join() === expected.join();
  });
}

function isZombie(pid: number): boolean {
  return existsSync(`/proc/${pid}/stat`) && / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

describe("a job", () => {
  test("that takes more memory than it asked for ends for that, where the machine can hold it to it", async (context) => {
    const { hardware } = await fleet.client.getNode("local");
    if ((hardware.enforcement?.memory ?? null) === null) return context.skip(hardware.enforcement?.reason ?? "");
    const script = "head -c 200m /dev/zero | tail > /dev/null";
    const { id } = await fleet.client.submitJob({ script, resources: { cpus: 0.1, memory: "64MiB" } });
    await fleet.untilEnded(id);
    const [task] = (await fleet.client.getJob(id)).tasks;
    expect(task).toMatchObject({ state: "failed", cause: "outOfMemory" });
    const limitBytes = 64 * 1024 ** 2;
    expect(task?.attempts[0]).toMatchObject({
      outcome: { type: "outOfMemory", limitBytes },
      blame: "user",
      usage: { memoryLimitBytes: limitBytes },
    });
  });
});

describe("a node with GPUs", () => {
  test("is shown with what they are, and with what they do", async () => {
    await waitFor("a heartbeat with the load of both", async () => {
      const { load } = await fleet.client.getNode("local");
      return load?.gpus.every(({ memoryUsedBytes }) => memoryUsedBytes !== null) ?? false;
    });
    const node = await fleet.client.getNode("local");
    expect(node.hardware.gpus).toMatchObject([
      { id: a100Uuid(0), modelName: "A100-80GB", links: { [a100Uuid(1)]: "NV12" } },
      { id: a100Uuid(1), modelName: "A100-80GB" },
    ]);
    expect(node.capacity.gpuIds).toEqual([a100Uuid(0), a100Uuid(1)]);
    expect(node.load?.gpus).toMatchObject([
      { id: a100Uuid(0), utilizationPercent: 100, processes: [{ pid: process.pid, attemptId: null }] },
      { id: a100Uuid(1), processes: [] },
    ]);
    expect(node.load?.cpuUsedMilli).not.toBeNull();
    expect(node.load?.rates).not.toBeNull();
  });

  test("looks at everything when it is asked how it is, and loads what nobody uses", async () => {
    await fleet.client.setNodeAdmin("local", { admin: "cordoned" });
    const { findings, calls } = await fleet.client.diagnose("local", { burn: true });
    await fleet.client.setNodeAdmin("local", { admin: "schedulable" });
    const named = (code: string | null) => findings.filter((finding) => finding.code === code);
    expect(findings[0]?.severity).toBe("unhealthy");
    expect(named("foreignUse")).toMatchObject([{ subject: "gpu 0", severity: "unhealthy" }]);
    expect(named("burnFailed")).toMatchObject([{ subject: "gpu 1", evidence: "exit 3: ECC error" }]);
    expect(readFileSync(join(folder, "burned"), "utf8")).toBe(`${a100Uuid(1)} 10\n`);
    expect(findings.map(({ text }) => text)).toContain("gpu 0 is in use and was not loaded");
    expect(calls.find(({ command }) => command.endsWith("topo -m"))).toMatchObject({ result: "exit 0" });
    expect(calls.some(({ result }) => result === "no such program")).toBe(true);
  });

  test("leaves out a GPU that somebody else's process uses", async () => {
    await untilIll([`${a100Uuid(0)} foreignUse`]);
    expect(await gpusOfAJob()).toBe(a100Uuid(1));
  });

  test("runs tasks that ask for a share on one GPU together, and none that wants the whole of it beside them", async () => {
    const gate = join(folder, "gate");
    const quarters = await fleet.client.submitJob({
      script: 'until [ -e "$GATE" ]; do sleep 0.1; done; echo "$DROVER_GPUS of $CUDA_VISIBLE_DEVICES"',
      env: { GATE: gate },
      resources: { cpus: 0.1, memory: "1MiB", gpus: 0.25 },
      array: { size: 4 },
    });
    await waitFor("all four to run", async () => {
      const { tasks } = await fleet.client.getJob(quarters.id);
      return tasks.every(({ attempts }) => attempts[0]?.state === "running");
    });
    const whole = await fleet.client.submitJob({
      command: ["true"],
      resources: { cpus: 0.1, memory: "1MiB", gpus: { model: "A100" } },
    });
    expect((await fleet.client.getNode("local")).allocated.gpuShares).toEqual([{ gpuId: a100Uuid(1), gpuMilli: 1000 }]);
    expect((await fleet.client.getJob(whole.id)).waiting).toMatchObject({
      code: "noNodeFitsNow",
      constraints: [{ constraint: "gpus", nodeCount: 1, soleCount: 1 }],
    });
    writeFileSync(gate, "");
    await fleet.untilEnded(quarters.id);
    for (let index = 0; index < 4; index++)
      expect((await fleet.outputOf(quarters.id, index)).toString().trim()).toBe(`0.25 of ${a100Uuid(1)}`);
    await fleet.untilEnded(whole.id);
  });

  test("keeps with each attempt what its GPU did for it", async () => {
    const over = join(folder, "over");
    const { id } = await fleet.client.submitJob({
      script: `while [ ! -e ${over} ]; do sleep 0.05; done`,
      resources: { cpus: 0.1, memory: "1MiB", gpus: 1 },
    });
    const spool = join(fleet.folder, "agent", "attempts");
    await waitFor("the agent to have looked at it twice", () => {
      const files = readdirSync(spool).map((attempt) => join(spool, attempt, "gpu-usage"));
      return files.some((file) => existsSync(file) && /^measuredMs [1-9]/m.test(readFileSync(file, "utf8")));
    });
    writeFileSync(over, "");
    await fleet.untilEnded(id);
    const usage = (await fleet.client.getJob(id)).tasks[0]?.attempts[0]?.usage;
    expect(usage?.gpus).toMatchObject({ utilizationMeanPercent: 100, memoryTotalBytes: 80 * 1024 ** 3 });
    expect(usage?.gpus?.energyJoules).toBeGreaterThan(0);
    expect(usage?.gpus?.memoryPeakBytes).toBeGreaterThan(0);
  });

  /** What vllm's engine leaves behind when it is killed: a worker of another session that holds all the memory. */
  test("gives a GPU to nobody else before what a killed engine left behind is gone, with its memory", async () => {
    const [pids, go] = [join(folder, "pids"), join(folder, "go")];
    const worker = `setsid sh -c 'echo $$ > ${pids}; exec sleep 600' < /dev/null > /dev/null 2>&1 &`;
    const script = `${worker} while [ ! -e ${go} ]; do sleep 0.05; done; kill -9 $PPID; sleep 60`;
    const { id } = await fleet.client.submitJob({ script, resources: { cpus: 0.1, memory: "1MiB", gpus: 1 } });
    await waitFor("the worker to run", () => existsSync(pids) && readFileSync(pids, "utf8").endsWith("\n"));
    const workerPid = Number(readFileSync(pids, "utf8"));
    const taken = { ...a100(1), "memory.used": "75000 MiB" };
    const held = `${a100Uuid(0)}, ${process.pid}, node, 512\n${a100Uuid(1)}, ${workerPid}, VLLM::Worker, 74000\n`;
    tool.replace(machine([a100(0), taken], held));
    await waitFor("the driver to say so", async () => {
      const { load } = await fleet.client.getNode("local");
      return load?.gpus[1]?.processes.some(({ pid, attemptId }) => pid === workerPid && attemptId !== null) ?? false;
    });
    // The supervisor is killed, and with it, by the kernel, the command: nobody is left to come for the worker but the agent.
    writeFileSync(go, "");
    await waitFor("the worker to be killed", () => !existsSync(`/proc/${workerPid}`) || isZombie(workerPid));
    const next = await fleet.client.submitJob({
      script: 'echo "$CUDA_VISIBLE_DEVICES"',
      resources: { cpus: 0.1, memory: "1MiB", gpus: 1 },
    });
    await waitFor("the attempt to be over but for its GPU", async () => {
      const [task] = (await fleet.client.getJob(id)).tasks;
      return task?.attempts[0]?.state === "releasing";
    });
    expect((await fleet.client.getJob(next.id)).state).toBe("queued");
    tool.replace(machine(GPUS, `${a100Uuid(0)}, ${process.pid}, node, 512\n`));
    await waitFor("the first attempt to have ended", async () => {
      const [task] = (await fleet.client.getJob(id)).tasks;
      return task?.attempts[0]?.state === "ended";
    });
    await fleet.client.cancelJob(id);
    await fleet.untilEnded(next.id);
    expect((await fleet.outputOf(next.id)).toString().trim()).toBe(a100Uuid(1));
  });

  test("puts a GPU into quarantine that is not given back, and takes it from there when an operator says so", async () => {
    const over = join(folder, "over-2");
    const script = `while [ ! -e ${over} ]; do sleep 0.05; done`;
    const { id } = await fleet.client.submitJob({ script, resources: { cpus: 0.1, memory: "1MiB", gpus: 1 } });
    await waitFor("it to run", async () => (await fleet.client.getJob(id)).tasks[0]?.cause === "assigned");
    const taken = { ...a100(1), "memory.used": "75000 MiB" };
    const foreign = `${a100Uuid(0)}, ${process.pid}, node, 512\n`;
    tool.replace(machine([a100(0), taken], foreign));
    writeFileSync(over, "");
    await fleet.untilEnded(id);
    const gpu = (await fleet.client.getNode("local")).health.gpus.find(({ gpuId }) => gpuId === a100Uuid(1));
    expect(gpu).toMatchObject({ state: "unhealthy", reasons: [{ code: "quarantined" }] });
    expect(gpu?.reasons[0]?.evidence).toContain("73 GiB still taken by nobody that the driver names");
    expect((await fleet.client.releaseGpu("local", "1")).health.gpus.map(({ gpuId }) => gpuId)).toEqual([a100Uuid(0)]);
    expect(await gpusOfAJob()).toBe(a100Uuid(1));
  }, 120_000);

  test("stops a task whose GPU is lost under it, and has it wait for another", async () => {
    tool.replace(machine(GPUS, `${a100Uuid(0)}, ${process.pid}, node, 512\n`));
    await untilIll([`${a100Uuid(0)} foreignUse`]);
    const { id } = await fleet.client.submitJob({
      script: "trap '' TERM; while :; do sleep 0.1; done",
      resources: { cpus: 0.1, memory: "1MiB", gpus: 1 },
    });
    const attempt = async () => (await fleet.client.getJob(id)).tasks[0]?.attempts[0];
    await waitFor("it to run", async () => (await attempt())?.state === "running");
    const lost = { ...a100(1), "temperature.gpu": "[GPU is lost]" };
    tool.replace(machine([a100(0), lost], `${a100Uuid(0)}, ${process.pid}, node, 512\n`));
    await waitFor("it to have ended", async () => (await attempt())?.state === "ended", 60_000);
    expect(await attempt()).toMatchObject({
      outcome: { type: "gpuLost", gpuIds: [a100Uuid(1)], evidence: expect.stringMatching(/^gpuLost \(/) },
      blame: "hardware",
    });
    expect((await fleet.client.getJob(id)).tasks[0]).toMatchObject({ state: "queued", cause: "gpuLost" });
    await fleet.client.cancelJob(id);
  }, 120_000);

  test("leaves out a GPU that must be reset, and takes the other back as soon as it is free", async () => {
    const sick = { ...a100(1), "temperature.gpu": "[GPU requires reset]" };
    tool.replace(machine([a100(0), sick], ""));
    await untilIll([`${a100Uuid(1)} gpuRequiresReset`]);
    expect(await gpusOfAJob()).toBe(a100Uuid(0));
    const events: string[] = [];
    for await (const { event } of fleet.client.readEvents({ since: 0 })) events.push(event);
    expect(events.filter((event) => event === "gpu.healthChanged").length).toBeGreaterThanOrEqual(3);
  });
});
