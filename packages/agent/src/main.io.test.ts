import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Hardware } from "@drover/shared/domain/node.ts";
import { describe, expect, onTestFinished, test } from "vitest";
import { nodeFileSystem } from "./machine/file-system.ts";
import { findByEnvironment } from "./runtime/processes.ts";
import { waitFor } from "./testing/wait-for.ts";
import { aTool } from "./testing/a-tool.ts";
import { anAssignment, run } from "./testing/an-assignment.ts";
import { startScriptedCoordinator } from "./testing/scripted-coordinator.ts";
import { a100, a100Uuid, gpuCsv, nvidiaSmi, nvidiaSmiWithMig } from "./testing/nvidia-machines.ts";
import { makeDataDir, SUPERVISOR_PROGRAM } from "./testing/start-test-agent.ts";

const PROGRAM = fileURLToPath(new URL("../bin/drover-agent.mjs", import.meta.url));
const ENVIRONMENT = {
  PATH: process.env["PATH"],
  DROVER_SUPERVISOR: SUPERVISOR_PROGRAM,
  ...(process.getuid?.() === 0 && { DROVER_JOB_USER: "root" }),
};

function startProgram(words: readonly string[]): { child: ChildProcess; said: () => string } {
  const child = spawn(process.execPath, [PROGRAM, ...words], { env: ENVIRONMENT, stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  return { child, said: () => said };
}

describe("drover-agent", () => {
  test("prints the machine's hardware", async () => {
    const { child, said } = startProgram(["probe"]);
    await once(child, "close");
    expect(Hardware.parse(JSON.parse(said())).cpu.cores).toBeGreaterThan(0);
  });

  test("prints the GPUs that the configured tool knows", async () => {
    const { child, said } = startProgram(["--nvidia-smi", aTool(nvidiaSmi([a100(0), a100(1)])).path, "probe"]);
    await once(child, "close");
    expect(Hardware.parse(JSON.parse(said())).gpus).toMatchObject([
      { id: a100Uuid(0), modelName: "A100-80GB", links: { [a100Uuid(1)]: "NV12" } },
      { id: a100Uuid(1), modelName: "A100-80GB", links: { [a100Uuid(0)]: "NV12" } },
    ]);
  });

  test("offers the instances of a split GPU in place of the GPU", async () => {
    const coordinator = await startScriptedCoordinator();
    onTestFinished(() => coordinator.close());
    const tool = aTool(nvidiaSmiWithMig()).path;
    startProgram(["--coordinator", coordinator.url, "--data-dir", makeDataDir(), "--nvidia-smi", tool]);
    const { capacity, hardware } = await coordinator.connected();
    expect(hardware.gpus).toMatchObject([{ modelName: "H100-80GB", isMigEnabled: true }]);
    expect(capacity.gpuIds).toEqual(hardware.gpus[0]?.migInstances.map(({ id }) => id));
    expect(capacity.gpuIds).toHaveLength(4);
    expect(capacity.cpuMilli).toBe(hardware.cpu.usableMilli);
  });

  test("as a doctor says what is wrong, what it saw and what to do, and ends with 1 for what is unhealthy", async () => {
    const sick = { ...a100(1), "temperature.gpu": "[GPU requires reset]" };
    const gpus = [a100(0), sick];
    const loop = { when: "--query-gpu.*--loop", csv: gpuCsv(gpus), everyMs: 500 };
    const tool = aTool([loop, { when: "--loop", hangs: true }, ...nvidiaSmi(gpus)]).path;
    const { child, said } = startProgram(["--nvidia-smi", tool, "doctor"]);
    expect(await once(child, "close")).toEqual([1, null]);
    expect(said()).toMatch(/^unhealthy {2}gpu 1: The driver says that the GPU must be reset\. \(gpuRequiresReset\)\n/);
    expect(said()).toContain("do:   `nvidia-smi --gpu-reset -i ID` while nothing uses it.\n");
    expect(said()).toContain(`gpu 0: NVIDIA A100-SXM4-80GB, 80 GiB, 19 GiB used, driver 590.48.01, ${a100Uuid(0)}\n`);
  });

  test("that was killed leaves no watched tool behind once it runs again", async () => {
    const coordinator = await startScriptedCoordinator();
    onTestFinished(() => coordinator.close());
    const silent = { when: "--loop", hangs: true };
    const tool = aTool([silent, ...nvidiaSmi([a100(0)])]).path;
    const dataDir = makeDataDir();
    const words = ["--coordinator", coordinator.url, "--data-dir", dataDir, "--nvidia-smi", tool];
    const watching = () => findByEnvironment(nodeFileSystem, `DROVER_WATCHED_FOR=${dataDir}`);
    const first = startProgram(words);
    await coordinator.connected();
    const left = await waitFor("both tools", () => watching().length === 2 && watching());
    first.child.kill("SIGKILL");
    await once(first.child, "exit");
    expect(watching()).toEqual(left);
    const second = startProgram(words);
    await coordinator.connected(2);
    await waitFor("two new ones in their place", () => {
      const now = watching();
      return now.length === 2 && !now.some((pid) => left.includes(pid));
    });
    second.child.kill("SIGTERM");
    await once(second.child, "exit");
    await waitFor("none to be left", () => watching().length === 0);
  });

  test("says in one line what is wrong and what to do", async () => {
    const { child, said } = startProgram(["--data-dir", makeDataDir()]);
    expect(await once(child, "close")).toEqual([1, null]);
    expect(said()).toBe(
      "drover-agent: config.invalid: --coordinator (or DROVER_COORDINATOR) is missing. See --help.\n",
    );
  });

  test("refuses a data directory that another one uses", async () => {
    const coordinator = await startScriptedCoordinator();
    onTestFinished(() => coordinator.close());
    const words = ["--coordinator", coordinator.url, "--data-dir", makeDataDir()];
    startProgram(words);
    await coordinator.connected();
    const second = startProgram(words);
    expect(await once(second.child, "close")).toEqual([1, null]);
    expect(second.said()).toMatch(/^drover-agent: dataDir\.locked: [^\n]+\n$/);
  });

  test("keeps attempts alive when it is killed or stopped, again and again, and loses nothing", async () => {
    const coordinator = await startScriptedCoordinator();
    onTestFinished(() => coordinator.close());
    const dataDir = makeDataDir();
    const words = ["--coordinator", coordinator.url, "--data-dir", dataDir, "--log", "pretty"];
    const script = `i=0; while [ ! -e ${dataDir}/gate ]; do i=$((i+1)); echo line $i; sleep 0.005; done; echo last; exit 42`;
    const { attemptId, ...assignment } = anAssignment({ command: ["/bin/sh", "-c", script] });
    for (const [i, signal] of (["SIGKILL", "SIGTERM", "SIGKILL"] as const).entries()) {
      const { child } = startProgram(words);
      await coordinator.connected(i + 1);
      if (i === 0) coordinator.desire(run({ attemptId, ...assignment }));
      await coordinator.reported(attemptId, "running");
      child.kill(signal);
      await once(child, "exit");
    }
    expect(existsSync(`${dataDir}/attempts/${attemptId}/exit`)).toBe(false);
    writeFileSync(`${dataDir}/gate`, "");
    startProgram(words);
    const report = await coordinator.reported(attemptId, "ended");
    expect(report.outcome).toEqual({ type: "exited", code: 42 });
    const lines = coordinator.output(attemptId).toString().trimEnd().split("\n");
    expect(lines.pop()).toBe("last");
    expect(lines).toEqual(lines.map((_, i) => `line ${i + 1}`));
    expect(coordinator.output(attemptId).length).toBe(report.outputBytes);
  });

  test("goes on when its log cannot be written", async () => {
    const coordinator = await startScriptedCoordinator();
    onTestFinished(() => coordinator.close());
    const full = openSync("/dev/full", "w");
    const words = [PROGRAM, "--coordinator", coordinator.url, "--data-dir", makeDataDir()];
    const child = spawn(process.execPath, words, { env: ENVIRONMENT, stdio: ["ignore", full, "ignore"] });
    closeSync(full);
    onTestFinished(() => void child.kill("SIGKILL"));
    await coordinator.connected();
    const assignment = anAssignment({ command: ["true"] });
    coordinator.desire(run(assignment));
    expect((await coordinator.reported(assignment.attemptId, "ended")).outcome).toEqual({ type: "exited", code: 0 });
    expect(child.exitCode).toBeNull();
  });
});
