import type { GpuProcess } from "@drover/shared/domain/gpu-load.ts";
import { describe, expect, test } from "vitest";
import type { GpuUse } from "../probe/live/gpu-use.ts";
import { anAssignment } from "../testing/an-assignment.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { GIB } from "../testing/some-hardware.ts";
import { GpuGate } from "./gpu-gate.ts";
import { NOTHING_TALLIED } from "./gpu-usage.ts";
import type { HeldAttempt } from "./report.ts";

function holder(pid: number, attemptId: string | null): GpuProcess {
  return { pid, attemptId, memoryBytes: 70 * GIB, command: "vllm", user: "root", migInstanceId: null };
}

/** An attempt that has just ended on GPU-0, of which 1 GiB was taken before it. */
function leaving(takenBytes: number | null = GIB) {
  const clock = createFakeClock();
  const held: HeldAttempt = {
    attemptId: anAssignment().attemptId,
    cgroupDirectories: [],
    gpus: [{ id: "GPU-0", takenBytes }],
    gpuTally: NOTHING_TALLIED,
    talliedAtMonotonicMs: null,
    claim: null,
    started: null,
    stopCause: null,
    isToldToStop: false,
    exit: null,
    hasLeftGpus: false,
    unwanted: false,
    askedAtMonotonicMs: null,
  };
  const world = { uses: [] as GpuUse[], alive: new Set<number>(), holders: 1 };
  const log: string[] = [];
  const gate = new GpuGate({
    clock,
    readGpuUses: () => world.uses,
    isProcessAlive: (pid) => world.alive.has(pid),
    countHolders: () => world.holders,
    killLeftovers: () => log.push("kill"),
    onDirty: (gpuId, evidence, allowedBytes) => log.push(`dirty ${gpuId} ${allowedBytes / GIB}: ${evidence}`),
    onLeft: () => log.push("left"),
  });
  /** The driver says now that so much is taken, and by whom. */
  const says = (takenGib: number | null, processes: GpuProcess[] = []) => {
    const memoryUsedBytes = takenGib === null ? null : takenGib * GIB;
    world.uses = [{ id: "GPU-0", memoryUsedBytes, saidAtMs: clock.monotonicMs(), processes }];
  };
  return { clock, held, gate, world, log, says };
}

describe("an attempt that has ended", () => {
  test("keeps its GPU until it is said to be as it was before", () => {
    const { clock, held, gate, log, says } = leaving();
    says(70);
    gate.enter(held);
    clock.advanceBy(5_000);
    // What was said before the end says nothing of what is after it.
    expect(log).toEqual([]);
    says(40);
    clock.advanceBy(1_000);
    expect(log).toEqual([]);
    says(1.2);
    clock.advanceBy(1_000);
    expect(log).toEqual(["left"]);
  });

  test("has its own processes killed that still live on it, and waits for their memory", () => {
    const { clock, held, gate, world, log, says } = leaving();
    world.alive.add(41);
    says(70, [holder(41, held.attemptId)]);
    gate.enter(held);
    expect(log).toEqual(["kill"]);
    world.alive.clear();
    clock.advanceBy(1_000);
    expect(log).toEqual(["kill"]);
    says(1);
    clock.advanceBy(1_000);
    expect(log).toEqual(["kill", "left"]);
  });

  test("leaves a GPU behind that nobody else should get, where it is not clean after half a minute", () => {
    const { clock, held, gate, log, says } = leaving();
    says(70);
    gate.enter(held);
    clock.advanceBy(29_000);
    says(70, [holder(77, null)]);
    clock.advanceBy(500);
    expect(log).toEqual([]);
    clock.advanceBy(500);
    expect(log).toEqual(["dirty GPU-0 1.25: 70 GiB still taken by pid 77, root, vllm (70 GiB)", "left"]);
  });

  test("says which of its processes cannot be killed", () => {
    const { clock, held, gate, world, log, says } = leaving();
    world.alive.add(41);
    says(70, [holder(41, held.attemptId)]);
    gate.enter(held);
    clock.advanceBy(30_000);
    expect(log.filter((line) => line !== "kill")).toEqual([
      "dirty GPU-0 1.25: the attempt's own processes cannot be killed: pid 41",
      "left",
    ]);
  });

  test("is not kept by what another attempt holds on a GPU that they share", () => {
    const { clock, held, gate, log, says } = leaving();
    says(71, [holder(90, "9.0.1-others")]);
    gate.enter(held);
    expect(log).toEqual([]);
    clock.advanceBy(100);
    says(71, [holder(90, "9.0.1-others")]);
    clock.advanceBy(1_000);
    expect(log).toEqual(["left"]);
  });

  test("gets no blame for a shared GPU on which the driver names nobody", () => {
    const { clock, held, gate, world, log, says } = leaving();
    world.holders = 2;
    gate.enter(held);
    clock.advanceBy(100);
    says(71);
    clock.advanceBy(1_000);
    expect(log).toEqual(["left"]);
  });

  test("leaves at once a GPU that nobody watches, and in time one that is watched and silent", () => {
    const unwatched = leaving();
    unwatched.gate.enter(unwatched.held);
    expect(unwatched.log).toEqual(["left"]);
    const silent = leaving();
    silent.world.uses = [{ id: "GPU-0", memoryUsedBytes: null, saidAtMs: null, processes: [] }];
    silent.gate.enter(silent.held);
    silent.clock.advanceBy(29_500);
    expect(silent.log).toEqual([]);
    silent.clock.advanceBy(500);
    expect(silent.log).toEqual(["left"]);
  });

  test("may leave what a desktop takes, where nobody said how it was before", () => {
    const { clock, held, gate, log, says } = leaving(null);
    gate.enter(held);
    clock.advanceBy(100);
    says(0.8);
    clock.advanceBy(1_000);
    expect(log).toEqual(["left"]);
  });

  test("is waited for no longer when nobody wants to know of it", () => {
    const { clock, held, gate, log, says } = leaving();
    says(70);
    gate.enter(held);
    gate.forget(held);
    clock.advanceBy(60_000);
    expect(log).toEqual([]);
  });
});
