import { existsSync, readFileSync } from "node:fs";
import { GpuDevice } from "@drover/shared/domain/gpu.ts";
import { AttemptId } from "@drover/shared/domain/ids.ts";
import { afterAll, describe, expect, test } from "vitest";
import { cgroupsFor, directoriesOf } from "../attempts/attempt-cgroups.ts";
import { nodeFileSystem } from "../machine/file-system.ts";
import { sh, startSupervised, type Supervised } from "../testing/supervised.ts";
import { waitFor } from "../testing/wait-for.ts";
import { closeCgroups, openCgroups } from "./open-cgroups.ts";
import { isRunning } from "./processes.ts";
import { createSupervisors } from "./supervisors.ts";

const MIB = 1024 ** 2;
const roots = openCgroups(`node-limit${process.pid}`);
afterAll(() => closeCgroups(roots));

const { memory, reason } = roots.enforcement;
if (memory === null) process.stderr.write(`\nSKIPPED: memory limits cannot be tried here: ${reason}\n\n`);

/** What has no line end `tail` must keep whole. */
const taking = (mebibytes: number) => `head -c ${mebibytes}m /dev/zero | tail > /dev/null`;

let count = 0;
const nextId = () => AttemptId.parse(`${++count}.0.1-limit0`);

/** What became of a script that asked for so much memory, and its cgroups. */
async function play(supervised: Supervised, script: string, memoryBytes: number) {
  const allocation = { cpuMilli: 500, memoryBytes, gpuIds: [], gpuMilli: 1000 };
  const cgroups = cgroupsFor(nextId(), allocation, [], roots);
  const attemptId = supervised.start({ arguments: sh(script), cgroups });
  return { exit: await supervised.ended(attemptId), output: supervised.output(attemptId), cgroups };
}

describe.skipIf(memory === null)(`a memory limit by ${memory}`, () => {
  test("ends an attempt that takes more, and says the limit and the peak", async () => {
    const { exit } = await play(await startSupervised(), taking(200), 64 * MIB);
    expect(exit.outcome).toMatchObject({ type: "outOfMemory", limitBytes: 64 * MIB });
    const { memoryPeakBytes = null, memoryLimitBytes = null } = exit.usage ?? {};
    expect(memoryLimitBytes).toBe(64 * MIB);
    // Nobody counts a peak of version 2 before Linux 5.19.
    if (memoryPeakBytes !== null) {
      expect(memoryPeakBytes).toBeGreaterThan(60 * MIB);
      expect(memoryPeakBytes).toBeLessThanOrEqual(64 * MIB);
    }
  });

  test("does not touch one that keeps to it, and counts what it used", async () => {
    const { exit } = await play(await startSupervised(), `${taking(40)}; exit 4`, 512 * MIB);
    expect(exit.outcome).toEqual({ type: "exited", code: 4 });
    const peakBytes = exit.usage?.memoryPeakBytes ?? null;
    if (peakBytes !== null) expect(peakBytes).toBeGreaterThan(40 * MIB);
  });

  test("is of the attempt's own cgroups, which hold all of it and are gone with it", async () => {
    const supervised = await startSupervised();
    const { output, cgroups } = await play(supervised, "cat /proc/self/cgroup", 64 * MIB);
    expect(directoriesOf(cgroups).length).toBeGreaterThan(0);
    for (const directory of directoriesOf(cgroups)) {
      expect(output).toContain(directory.slice(directory.indexOf("/drover-node-")));
      expect(existsSync(directory)).toBe(false);
    }
  });

  test("sets CPUs in proportion", async () => {
    const { unified } = roots;
    const file = roots.controllers.cpu?.version === 2 ? "cpu.weight" : "cpu.shares";
    const directory = `${roots.controllers.cpu?.directory ?? unified}/${count + 1}.0.1-limit0`;
    const { output } = await play(await startSupervised(), `cat ${directory}/${file}`, 64 * MIB);
    expect(output.trim()).toBe(file === "cpu.weight" ? "13" : "512");
  });
});

describe.skipIf(roots.enforcement.cpuset === null)("the CPUs near its GPUs", () => {
  test("are those that an attempt runs on, and all that it starts", async () => {
    const gpu = GpuDevice.parse({ id: "GPU-0", index: 0, model: "A100", memoryBytes: null, driverVersion: null });
    const allocation = { cpuMilli: 0, memoryBytes: 0, gpuIds: ["GPU-0"], gpuMilli: 1000 };
    const cgroups = cgroupsFor(nextId(), allocation, [{ ...gpu, cpuAffinity: "0" }], roots);
    const supervised = await startSupervised();
    const attemptId = supervised.start({ arguments: sh("grep Cpus_allowed_list /proc/self/status"), cgroups });
    await supervised.ended(attemptId);
    expect(supervised.output(attemptId)).toMatch(/^Cpus_allowed_list:\t0$/m);
  });
});

describe.skipIf(roots.unified === null && memory === null)("what an attempt left behind", () => {
  test("is found by its cgroups, though its supervisor is gone and its environment wiped", async () => {
    const supervised = await startSupervised();
    const cgroups = cgroupsFor(nextId(), { cpuMilli: 0, memoryBytes: 64 * MIB, gpuIds: [], gpuMilli: 1000 }, [], roots);
    const worker = "setsid env -i /bin/sleep 600 < /dev/null > /dev/null 2>&1 & echo $! > worker; sleep 600";
    const attemptId = supervised.start({ arguments: sh(worker), cgroups });
    const pid = Number(await supervised.made(attemptId, "worker"));
    const claim = await supervised.claimed(attemptId);
    await waitFor("the worker to be itself", () => readFileSync(`/proc/${pid}/environ`, "utf8") === "");
    process.kill(claim.supervisorPid, "SIGKILL");
    const supervisors = createSupervisors({
      files: nodeFileSystem,
      sendSignal: (target, signal) => process.kill(target, signal),
      request() {},
    });
    const leftovers = { attemptId, cgroupDirectories: directoriesOf(cgroups), claim };
    await waitFor("nothing to be left", () => supervisors.killLeftovers(leftovers) === 0);
    expect(isRunning(nodeFileSystem, pid)).toBe(false);
    for (const directory of directoriesOf(cgroups)) expect(existsSync(directory)).toBe(false);
  });
});

test("what is enforced here is said, and why where something is not", () => {
  const { enforcement } = roots;
  const isAll = enforcement.memory !== null && enforcement.cpu !== null && enforcement.cpuset !== null;
  expect(enforcement.reason === null).toBe(isAll);
});
