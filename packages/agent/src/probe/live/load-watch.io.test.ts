import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { systemClock } from "@drover/shared/clock.ts";
import { GpuDevice } from "@drover/shared/domain/gpu.ts";
import { describe, expect, onTestFinished, test } from "vitest";
import { aTool } from "../../testing/a-tool.ts";
import type { Replay, ReplayedTool } from "../../testing/replayed-tool.ts";
import { a100, a100Uuid, gpuCsv } from "../../testing/nvidia-machines.ts";
import { waitFor } from "../../testing/wait-for.ts";
import { readBasicHardware } from "../hardware.ts";
import { createMachineFiles } from "../machine-files.ts";
import { openKernelLog } from "./kernel-log-source.ts";
import { watchLoad, type LoadWatch } from "./load-watch.ts";

const GPUS = [0, 1].map((index) =>
  GpuDevice.parse({
    id: a100Uuid(index),
    index,
    model: "NVIDIA A100-SXM4-80GB",
    memoryBytes: null,
    driverVersion: null,
  }),
);

function watch(replays: readonly Replay[], gpus = GPUS): { watch: LoadWatch; tool: ReplayedTool; troubles: string[] } {
  const tool = aTool(replays);
  const troubles: string[] = [];
  const started = watchLoad({
    hardware: { ...readBasicHardware(), gpus },
    dataDir: tmpdir(),
    nvidiaSmi: tool.path,
    xpuSmi: tool.path,
    files: createMachineFiles(),
    kernelLog: openKernelLog("/dev/null"),
    environment: {},
    clock: systemClock,
    onTrouble: (reason) => troubles.push(reason),
  });
  onTestFinished(() => started.stop());
  return { watch: started, tool, troubles };
}

/** A process of an attempt whose parent is gone, as a serving engine leaves its workers behind. */
function orphanOfAttempt(attemptId: string): Promise<number> {
  const parent = spawn("/bin/sh", ["-c", "sleep 60 >/dev/null 2>&1 & echo $!"], {
    env: { PATH: process.env["PATH"], DROVER_ATTEMPT_ID: attemptId },
    stdio: ["ignore", "pipe", "ignore"],
  });
  return new Promise((resolve) => {
    parent.stdout.once("data", (chunk: Buffer) => {
      const pid = Number(chunk.toString());
      onTestFinished(() => {
        process.kill(pid, "SIGKILL");
      });
      resolve(pid);
    });
  });
}

describe("the live load", () => {
  test("tells of each GPU what it does and who uses it, from one process that speaks again and again", async () => {
    const pid = await orphanOfAttempt("12.0.1-k7q2mx");
    const {
      watch: live,
      tool,
      troubles,
    } = watch([
      { when: "--query-gpu", csv: gpuCsv([a100(0), a100(1)]), everyMs: 50 },
      { when: "--query-compute-apps", stdout: `${a100Uuid(1)}, ${pid}, sleep, 2048\n`, everyMs: 50 },
    ]);
    const load = await waitFor("the first round of both", () => {
      const read = live.readLoad();
      return read.gpus[1]?.processes.length === 1 && read.gpus[0]?.memoryUsedBytes !== null && read;
    });
    // The captured H100 under load.
    expect(load.gpus[0]).toMatchObject({
      utilizationPercent: 100,
      powerWatts: 631.95,
      smClockMhz: 1980,
      processes: [],
    });
    expect(load.gpus[1]?.processes).toMatchObject([
      { pid, memoryBytes: 2 * 1024 ** 3, command: "sleep 60", attemptId: "12.0.1-k7q2mx" },
    ]);
    expect(load.memoryAvailableBytes).toBeGreaterThan(0);
    expect(tool.asked()).toHaveLength(2);
    expect(troubles).toEqual([]);
  });

  test("does without a field that the driver does not know", async () => {
    const older = gpuCsv([a100(0)]).replaceAll("gpu_recovery_action", "gpu_recovery_unheard_of");
    const { watch: live, troubles } = watch([
      { when: "--query-gpu", csv: older, everyMs: 50 },
      { when: "", hangs: true },
    ]);
    await waitFor("the load", () => live.readLoad().gpus[0]?.utilizationPercent === 100);
    expect(troubles).toEqual([
      'nvidia-smi for GPUs: exit code 2 (Field "gpu_recovery_action" is not a valid field to query.)',
    ]);
  });

  test("goes on without a tool that dies, and says so", async () => {
    const { watch: live, troubles } = watch([
      { when: "", stdout: "Failed to initialize NVML: Driver/library version mismatch\n", exitCode: 18 },
    ]);
    await waitFor("the trouble", () => troubles.length >= 2);
    expect(troubles[0]).toContain("exit code 18 (Failed to initialize NVML: Driver/library version mismatch)");
    expect(live.readLoad().gpus).toMatchObject([{ memoryUsedBytes: null }, { memoryUsedBytes: null }]);
  });

  test("asks nothing of a tool on a machine without GPUs", () => {
    const { watch: live, tool } = watch([], []);
    expect(live.readLoad()).toMatchObject({ gpus: [] });
    expect(tool.asked()).toEqual([]);
  });

  test("tells of Intel's GPUs what their tool says again and again", async () => {
    const intel = [0, 1].map((index) =>
      GpuDevice.parse({
        id: `I-${index}`,
        index,
        vendor: "intel",
        model: "Flex 170",
        memoryBytes: null,
        driverVersion: null,
      }),
    );
    const heading =
      "Timestamp, DeviceId, GPU Utilization (%), GPU Power (W), GPU Frequency (MHz), GPU Core Temperature (C), GPU Memory Used (MiB)";
    const lines = [
      "06:14:46.000,    0, 87.60, 114.61, 2050, 61.00, 9216.50",
      "06:14:46.000,    1, 0.00, 14.59,    0, N/A, N/A",
    ];
    const replays = [
      { when: "^dump -d -1 -m 0,1,2,3,18 -i 5$", stdout: `${[heading, ...lines].join("\n")}\n`, everyMs: 100 },
    ];
    const { watch: watched } = watch(replays, intel);
    await waitFor("its first lines", () => watched.readLoad().gpus[1]?.powerWatts !== null);
    expect(watched.readLoad().gpus).toMatchObject([
      {
        id: "I-0",
        utilizationPercent: 88,
        powerWatts: 114.61,
        smClockMhz: 2050,
        temperatureCelsius: 61,
        memoryUsedBytes: 9216.5 * 1024 ** 2,
      },
      { id: "I-1", utilizationPercent: 0, powerWatts: 14.59, temperatureCelsius: null, memoryUsedBytes: null },
    ]);
    expect(watched.gpuUses()).toMatchObject([{ id: "I-0", memoryUsedBytes: 9216.5 * 1024 ** 2 }, { id: "I-1" }]);
  });
});
