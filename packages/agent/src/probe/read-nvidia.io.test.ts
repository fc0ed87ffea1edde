import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@drover/shared/clock.ts";
import { allocatableGpuIds, GpuDevice } from "@drover/shared/domain/gpu.ts";
import { describe, expect, onTestFinished, test } from "vitest";
import { aTool, NO_TOOL } from "../testing/a-tool.ts";
import type { Replay } from "../testing/replayed-tool.ts";
import { a100, a100Uuid, failingNvidiaSmi, gpuCsv, nvidiaSmi, nvidiaSmiWithMig } from "../testing/nvidia-machines.ts";
import { createMachineFiles } from "./machine-files.ts";
import { readNvidia, type NvidiaReading } from "./read-nvidia.ts";
import { createRunTool } from "./run-tool.ts";

const EIGHT = [0, 1, 2, 3, 4, 5, 6, 7].map(a100);

function read(program: string, root = "/nonexistent", budgetMs = 15_000): Promise<NvidiaReading> {
  const run = createRunTool(systemClock);
  return readNvidia({ program, run, files: createMachineFiles(root), clock: systemClock, budgetMs });
}

/** /proc/driver/nvidia/gpus of a machine with these GPUs. */
function driverFiles(addresses: readonly string[]): string {
  const root = mkdtempSync(join(tmpdir(), "drover-proc-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [i, address] of addresses.entries()) {
    const folder = join(root, "proc/driver/nvidia/gpus", address);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "information"), `Model: \t\t NVIDIA A100\nGPU UUID: \t ${a100Uuid(i)}\n`);
  }
  return root;
}

describe("a machine with NVIDIA GPUs", () => {
  test("is known to the last detail", async () => {
    const { gpus, faults, warnings, cudaVersion } = await read(aTool(nvidiaSmi(EIGHT)).path);
    expect({ faults, warnings, cudaVersion }).toEqual({ faults: [], warnings: [], cudaVersion: "13.1" });
    expect(gpus).toHaveLength(8);
    expect(GpuDevice.parse(gpus[2])).toEqual({
      id: a100Uuid(2),
      index: 2,
      vendor: "nvidia",
      model: "NVIDIA A100-SXM4-80GB",
      modelName: "A100-80GB",
      memoryBytes: 80 * 1024 ** 3,
      driverVersion: "590.48.01",
      computeCapability: "8.0",
      pciAddress: "0000:12:00",
      numaNode: 1,
      cpuAffinity: "20-39,100-119",
      isEccEnabled: true,
      powerLimitWatts: 700,
      pcieGenerationMax: 5,
      pcieWidthMax: 16,
      isMigEnabled: false,
      migInstances: [],
      links: Object.fromEntries([0, 1, 3, 4, 5, 6, 7].map((other) => [a100Uuid(other), "NV12"])),
      nicLinks: { mlx5_0: "SYS", mlx5_1: "NODE", mlx5_2: "PXB" },
      // The captured status is of other GPUs.
      activeNvlinks: null,
    });
  });

  test("gives away the instances of a GPU that is split, with their memory", async () => {
    const { gpus } = await read(aTool(nvidiaSmiWithMig()).path);
    expect(gpus[0]?.migInstances).toEqual([
      {
        id: "MIG-00000000-0000-0000-0000-000000000000",
        profile: "3g.40gb",
        gpuInstance: 2,
        computeInstance: 0,
        memoryBytes: 40448 * 1024 ** 2,
      },
      {
        id: "MIG-00000001-0000-0000-0000-000000000001",
        profile: "2g.20gb",
        gpuInstance: 3,
        computeInstance: 0,
        memoryBytes: 20096 * 1024 ** 2,
      },
      {
        id: "MIG-00000002-0000-0000-0000-000000000002",
        profile: "1g.10gb",
        gpuInstance: 9,
        computeInstance: 0,
        memoryBytes: 9984 * 1024 ** 2,
      },
      {
        id: "MIG-00000003-0000-0000-0000-000000000003",
        profile: "1g.10gb",
        gpuInstance: 10,
        computeInstance: 0,
        memoryBytes: 9984 * 1024 ** 2,
      },
    ]);
    expect(allocatableGpuIds(gpus)).toEqual(gpus[0]?.migInstances.map(({ id }) => id));
  });

  test("whose driver does not know some fields is asked for the others", async () => {
    const older: Replay = {
      when: "--help-query-gpu",
      stdout: ["index", "uuid", "power.draw", "clocks_throttle_reasons.active", "no.longer"]
        .map((f) => `"${f}"\n`)
        .join("\n"),
    };
    const tool = aTool(nvidiaSmi([a100(0)], [older]));
    const { gpus } = await read(tool.path);
    expect(gpus).toMatchObject([{ id: a100Uuid(0), computeCapability: null }]);
    const query = tool.asked().findLast((words) => words.startsWith("--query-gpu"));
    // The capture, from a newer driver, no longer has the older name: a failed query was repeated without it.
    expect(query).toBe(
      "--query-gpu=index,uuid,name,pci.bus_id,driver_version,memory.total,power.draw --format=csv,noheader,nounits",
    );
  });

  test("keeps seven when one needs a reset, and says which and why", async () => {
    const sick = { ...a100(3), "temperature.gpu": "[GPU requires reset]", "utilization.gpu": "[GPU requires reset]" };
    const { gpus, faults } = await read(aTool(nvidiaSmi(EIGHT.with(3, sick))).path);
    expect(gpus).toHaveLength(8);
    expect(faults).toMatchObject([
      { gpuId: a100Uuid(3), code: "gpuRequiresReset", evidence: expect.stringContaining("temperature.gpu") },
    ]);
  });

  test("keeps three when the fourth is lost and the whole query fails with it", async () => {
    const lost =
      "Unable to determine the device handle for GPU0000:12:00.0: GPU is lost.  Reboot the system to recover this GPU\n";
    const addresses = [0, 1, 2, 3].map((i) => `0000:1${i}:00.0`);
    const more: Replay[] = [
      { when: "-i 0000:12:00.0", stdout: lost, exitCode: 15 },
      { when: "-i .*--query-gpu", csv: gpuCsv(EIGHT) },
      { when: "^(--query-gpu.*)?$", stdout: lost, exitCode: 15 },
    ];
    const { gpus, faults } = await read(aTool(nvidiaSmi([], more)).path, driverFiles(addresses));
    expect(gpus.map(({ index }) => index)).toEqual([0, 1, 3]);
    expect(faults).toEqual([{ gpuId: null, pciAddress: "0000:12:00", code: "gpuLost", evidence: lost.trim() }]);
  });

  test("with a corrupt infoROM is all there, and one is noted", async () => {
    const warning = "WARNING: infoROM is corrupted at gpu 0000:11:00.0\n";
    const more = [{ when: "^$", stdout: warning, exitCode: 14 }];
    const { gpus, faults } = await read(aTool(nvidiaSmi(EIGHT, more)).path);
    expect(gpus).toHaveLength(8);
    expect(faults).toEqual([
      { gpuId: a100Uuid(1), pciAddress: "0000:11:00", code: "infoRomCorrupted", evidence: warning.trim() },
    ]);
  });

  test("tells of counters that say how a GPU is", async () => {
    const worn = {
      ...a100(0),
      "ecc.errors.uncorrected.volatile.total": "3",
      "remapped_rows.pending": "Yes",
      "remapped_rows.failure": "Yes",
      gpu_recovery_action: "Reset",
      "pcie.link.width.current": "8",
    };
    const { faults } = await read(aTool(nvidiaSmi([worn])).path);
    expect(faults.map(({ code, evidence }) => [code, evidence])).toEqual([
      ["rowRemapFailed", "remapped_rows.failure: Yes"],
      ["rowRemapPending", "remapped_rows.pending: Yes"],
      ["uncorrectedEcc", "ecc.errors.uncorrected.volatile.total: 3"],
      ["recoveryNeeded", "gpu_recovery_action: Reset"],
      ["pcieLinkNarrow", "PCIe width x8 of x16"],
    ]);
  });
});

describe("a machine whose nvidia-smi fails", () => {
  test.for([
    ["err__driver-not-loaded__exit9.txt", 9, "driverNotLoaded"],
    ["err__version-mismatch__exit18.txt", 18, "driverMismatch"],
    ["err__no-devices__exit6.txt", 6, "noDevices"],
    ["err__nvml-unknown-error__container__exit255.txt", 255, "nvmlUnknownError"],
  ] as const)("with %s has no GPUs, and says why in the tool's words", async ([fixture, exitCode, code]) => {
    const { gpus, faults, warnings } = await read(aTool(failingNvidiaSmi(fixture, exitCode)).path);
    expect(gpus).toEqual([]);
    expect(faults).toMatchObject([{ gpuId: null, code }]);
    expect(warnings).toEqual([`nvidia-smi: ${faults[0]?.evidence}`]);
  });

  test("by never answering is left alone after its time", async () => {
    const startedAtMs = systemClock.monotonicMs();
    const tool = aTool([{ when: "", hangs: true, ignoresSigterm: true }]);
    const { gpus, faults } = await read(tool.path, "/nonexistent", 500);
    expect(systemClock.monotonicMs() - startedAtMs).toBeLessThan(10_000);
    expect(gpus).toEqual([]);
    expect(faults).toMatchObject([{ code: "toolHangs" }]);
    expect(tool.asked()).toHaveLength(1);
  });

  test("by not being there has no GPUs, and nothing is wrong", async () => {
    expect(await read(NO_TOOL)).toEqual({ gpus: [], faults: [], warnings: [], cudaVersion: null });
  });

  test("by not being there though its driver is loaded has GPUs that nobody can watch", async () => {
    const { faults } = await read(NO_TOOL, driverFiles(["0000:10:00.0"]));
    expect(faults).toMatchObject([{ gpuId: a100Uuid(0), pciAddress: "0000:10:00", code: "toolMissing" }]);
  });
});
