import type { Hardware } from "@drover/shared/domain/node.ts";
import { describe, expect, test } from "vitest";
import type { MachineObservation } from "../probe/live/load-watch.ts";
import { parseKernelLog } from "../probe/parse/kernel-log.ts";
import { parseNvidiaGpus } from "../probe/parse/nvidia-gpus.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { GIB, someHardware, someLoad } from "../testing/some-hardware.ts";
import type { GpuUse } from "../probe/live/gpu-use.ts";
import type { Quarantine } from "./quarantine.ts";
import { NodeWatch } from "./node-watch.ts";

/** Lines of the watched nvidia-smi, for these GPUs of the machine. */
function rowsOf(indexes: readonly number[], action = "None") {
  const lines = indexes.map((index) => `${index}, GPU-${index}, 00000000:1${index}:00.0, ${action}, Disabled`);
  const fields = ["index", "uuid", "pci.bus_id", "gpu_recovery_action", "mig.mode.current"];
  return parseNvidiaGpus(lines.join("\n"), fields).value;
}

/** A machine that is as the test says, under a clock that the test advances. */
async function aWatch(first: Hardware = someHardware(2), quarantines: readonly Quarantine[] = []) {
  const clock = createFakeClock();
  const state = {
    probed: first,
    probes: 0,
    watched: [] as number[],
    uses: [] as GpuUse[],
    quarantines,
    observed: {
      nvidia: { rows: rowsOf(first.gpus.map(({ index }) => index)), isHanging: false, watchedForMs: 60_000 },
      xidEvents: [],
      dataDisk: { sizeBytes: 100 * GIB, freeBytes: 50 * GIB, isReadOnly: false },
    } as MachineObservation,
  };
  const logged: string[] = [];
  const watch = await NodeWatch.start({
    machine: {
      clock,
      probeHardware() {
        state.probes++;
        return Promise.resolve(state.probed);
      },
      watchLoad(hardware) {
        state.watched.push(hardware.gpus.length);
        return { readLoad: () => someLoad(), observe: () => state.observed, gpuUses: () => state.uses, stop: () => {} };
      },
    },
    enforcement: null,
    log: (line, fields) => logged.push(`${line} ${JSON.stringify(fields)}`),
    offer: (hardware) => ({ cpuMilli: 8000, memoryBytes: GIB, gpuIds: hardware.gpus.map(({ id }) => id) }),
    foreignGpuUse: "leave-out",
    quarantine: { load: () => state.quarantines, save: (quarantines) => (state.quarantines = quarantines) },
  });
  /** Time passes, and what was awaited in between has its turn. */
  const pass = async (seconds: number) => {
    for (let n = 0; n < seconds; n += 5) {
      clock.advanceBy(5_000);
      await Promise.resolve();
      await Promise.resolve();
    }
  };
  const hears = (xidLine: string) => (state.observed = { ...state.observed, xidEvents: parseKernelLog(xidLine) });
  return { watch, clock, state, logged, pass, hears };
}

const codesOf = (watch: NodeWatch) =>
  watch.state().health.gpus.map(({ gpuId, reasons }) => `${gpuId} ${reasons.map(({ code }) => code).join(" ")}`);

describe("the watch of a node", () => {
  test("changes nothing as long as nothing changes", async () => {
    const { watch, state, pass } = await aWatch();
    const { revision } = watch.state();
    await pass(300);
    expect(watch.state().revision).toBe(revision);
    expect(state.probes).toBe(1);
  });

  test("finds a GPU lost by the kernel's log at the next round", async () => {
    const { watch, pass, hears } = await aWatch();
    hears("NVRM: Xid (PCI:0000:11:00): 79, pid=4, name=python3, GPU has fallen off the bus.");
    expect(codesOf(watch)).toEqual([]);
    await pass(5);
    expect(codesOf(watch)).toEqual(["GPU-1 xidReboot"]);
  });

  test("looks at once when it is asked to, though not twice in a second", async () => {
    const { watch, clock, hears } = await aWatch();
    hears("NVRM: Xid (PCI:0000:11:00): 79, GPU has fallen off the bus.");
    clock.advanceBy(900);
    watch.look();
    expect(codesOf(watch)).toEqual([]);
    clock.advanceBy(100);
    watch.look();
    expect(codesOf(watch)).toEqual(["GPU-1 xidReboot"]);
  });

  test("probes again when a GPU falls silent, and follows what it finds", async () => {
    const { watch, state, logged, pass } = await aWatch();
    await pass(10);
    state.probed = someHardware(1);
    state.observed = { ...state.observed, nvidia: { rows: rowsOf([0]), isHanging: false, watchedForMs: 60_000 } };
    await pass(5);
    expect(codesOf(watch)).toEqual(["GPU-1 gpuSilent"]);
    await pass(40);
    expect(state.probes).toBe(2);
    expect(watch.state()).toMatchObject({ capacity: { gpuIds: ["GPU-0"] } });
    expect(codesOf(watch)).toEqual([]);
    expect(state.watched).toEqual([2, 1]);
    expect(logged.some((line) => line.startsWith("agent.hardwareChanged"))).toBe(true);
  });

  test("keeps the GPUs of a driver that answers for none: they are unhealthy, not gone", async () => {
    const { watch, state, pass } = await aWatch();
    const fault = {
      gpuId: null,
      pciAddress: null,
      code: "driverMismatch",
      evidence: "Driver/library version mismatch",
    };
    state.probed = someHardware(0, { gpuFaults: [fault] });
    state.observed = { ...state.observed, nvidia: { rows: [], isHanging: false, watchedForMs: 60_000 } };
    await pass(60);
    expect(watch.state().hardware.gpus).toHaveLength(2);
    expect(watch.state().health.reasons).toMatchObject([{ code: "driverMismatch" }]);
    expect(codesOf(watch)).toEqual(["GPU-0 driverUnusable gpuSilent", "GPU-1 driverUnusable gpuSilent"]);
  });

  test("notices a driver that was installed after the agent", async () => {
    const { watch, state, pass } = await aWatch(someHardware(0));
    state.observed = { ...state.observed, nvidia: null };
    state.probed = someHardware(2);
    await pass(595);
    expect(watch.state().hardware.gpus).toEqual([]);
    await pass(10);
    expect(watch.state().capacity.gpuIds).toEqual(["GPU-0", "GPU-1"]);
  });

  test("does not believe a probe that failed altogether", async () => {
    const { watch, state, pass } = await aWatch();
    state.probed = someHardware(0, { software: null, warnings: ["the hardware probe failed, GPUs are unknown: x"] });
    await pass(610);
    expect(state.probes).toBe(2);
    expect(watch.state().hardware.gpus).toHaveLength(2);
  });

  test("probes ever more rarely while what is wrong stays the same", async () => {
    const { state, pass } = await aWatch();
    state.observed = { ...state.observed, nvidia: { rows: rowsOf([0]), isHanging: false, watchedForMs: 60_000 } };
    await pass(3600);
    // After 30 s, 1, 2, 4, 8 and then every 10 minutes.
    expect(state.probes).toBeGreaterThan(6);
    expect(state.probes).toBeLessThan(12);
  });

  test("returns a GPU whose reset the driver says is done, when it has been well for a while", async () => {
    const { watch, pass, hears, state } = await aWatch();
    await pass(5);
    hears("NVRM: Xid (PCI:0000:10:00): 119, pid=4, name=x, Timeout");
    await pass(5);
    state.observed = { ...state.observed, xidEvents: [] };
    expect(codesOf(watch)).toEqual(["GPU-0 xidReset"]);
    await pass(40);
    expect(codesOf(watch)).toEqual(["GPU-0 recovering"]);
    await pass(70);
    expect(codesOf(watch)).toEqual([]);
  });

  test("gives a GPU to nobody whose memory was not given back, until it is, also as a restarted agent", async () => {
    const { watch, state, pass, logged } = await aWatch();
    const use = (takenGib: number): GpuUse => {
      return { id: "GPU-1", memoryUsedBytes: takenGib * GIB, saidAtMs: 1, processes: [] };
    };
    state.uses = [use(70)];
    watch.quarantine("GPU-1", "70 GiB still taken by pid 77", GIB);
    expect(codesOf(watch)).toEqual(["GPU-1 quarantined"]);
    expect(logged.some((line) => line.startsWith("agent.gpuQuarantined"))).toBe(true);
    const again = await aWatch(someHardware(2), state.quarantines);
    expect(codesOf(again.watch)).toEqual(["GPU-1 quarantined"]);
    const [reason] = watch.state().health.gpus[0]?.reasons ?? [];
    expect(again.watch.state().health.gpus[0]?.reasons).toEqual([reason]);
    state.uses = [use(1)];
    await pass(5);
    expect(codesOf(watch)).toEqual([]);
    expect(state.quarantines).toEqual([]);
  });
});
