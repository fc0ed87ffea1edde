import type { GpuDevice } from "@drover/shared/domain/gpu.ts";
import { HEALTHY, type NodeHealth } from "@drover/shared/domain/health.ts";
import type { Enforcement } from "@drover/shared/domain/enforcement.ts";
import type { Hardware, NodeLoad } from "@drover/shared/domain/node.ts";
import type { ResourceCapacity } from "@drover/shared/domain/resources.ts";
import type { NodeChanges } from "@drover/shared/protocol/messages.ts";
import type { Log } from "../log.ts";
import type { Machine } from "../machine/machine.ts";
import { faultsOfRow } from "../probe/compose-nvidia.ts";
import type { LoadWatch, MachineObservation } from "../probe/live/load-watch.ts";
import { NO_RECOVERY_NEEDED } from "../probe/parse/nvidia-gpus.ts";
import type { GpuUse } from "../probe/live/gpu-use.ts";
import { HealthJudge, type Observation } from "./judge.ts";
import { observeHealth, WHOLE_DRIVER, type ForeignGpuUse, type LiveGpus } from "./observe.ts";
import { Quarantines, type QuarantinePorts } from "./quarantine.ts";
import { XidMemory } from "./xid-memory.ts";

const ROUND_MS = 5_000;
const MIN_LOOK_MS = 1_000;
/** nvidia-smi has spoken several times by then. */
const SETTLED_AFTER_MS = 30_000;
/** Hardware changes under a running agent too: a driver is installed, a GPU is split. */
const PROBE_AGAIN_MS = 10 * 60_000;
/** Sooner where something is wrong, and ever later while it stays so. */
const FIRST_PROBE_AGAIN_MS = 30_000;

export interface NodeWatchOptions {
  machine: Pick<Machine, "clock" | "probeHardware" | "watchLoad">;
  log: Log;
  /** What attempts are held to here; `null` where no attempt will be. */
  enforcement: Enforcement | null;
  /** What of the hardware is offered to jobs. */
  offer(hardware: Hardware): ResourceCapacity;
  foreignGpuUse: ForeignGpuUse;
  quarantine: QuarantinePorts;
}

/** What the node is, what it does and how it is, kept up to date every five seconds. */
export class NodeWatch {
  readonly #options: NodeWatchOptions;
  readonly #judge = new HealthJudge();
  readonly #xids = new XidMemory();
  readonly #quarantines: Quarantines;
  #hardware: Hardware;
  #watch: LoadWatch;
  #load: NodeLoad;
  #health: NodeHealth = HEALTHY;
  #revision = 0;
  #clockOffsetMs: number | null = null;
  #lookedAtMs = 0;
  #isFirstRound = true;
  #probeDelayMs = FIRST_PROBE_AGAIN_MS;
  #probeDueAtMs: number;
  #isProbing = false;
  #isStopped = false;
  #cancel: () => void = () => {};
  #onLooked: (hardware: Hardware, load: NodeLoad) => void = () => {};

  private constructor(options: NodeWatchOptions, hardware: Hardware) {
    this.#options = options;
    this.#hardware = hardware;
    this.#quarantines = new Quarantines(options.quarantine);
    this.#watch = this.#watchLoad();
    this.#load = this.#watch.readLoad();
    this.#probeDueAtMs = options.machine.clock.monotonicMs() + PROBE_AGAIN_MS;
  }

  static async start(options: NodeWatchOptions): Promise<NodeWatch> {
    const { enforcement } = options;
    const hardware = { ...(await options.machine.probeHardware({ isFirst: true })), enforcement };
    for (const reason of hardware.warnings) options.log("agent.probeWarning", { reason });
    const watch = new NodeWatch(options, hardware);
    watch.#round();
    return watch;
  }

  /** As of the last round. */
  readLoad(): NodeLoad {
    return this.#load;
  }

  state(): NodeChanges & { revision: number } {
    const hardware = this.#hardware;
    return { hardware, capacity: this.#options.offer(hardware), health: this.#health, revision: this.#revision };
  }

  /** As it is right now, and not as of the last round. */
  readGpuUses(): GpuUse[] {
    return this.#watch.gpuUses();
  }

  /** Somebody still holds memory that was an attempt's: the GPU is given to nobody until that is over. */
  quarantine(gpuId: string, evidence: string, allowedBytes: number): void {
    const { clock } = this.#options.machine;
    this.#quarantines.add({ gpuId, evidence, allowedBytes, sinceMs: Math.round(clock.nowMs()) });
    this.#options.log("agent.gpuQuarantined", { gpuId, reason: evidence });
    // Before the attempt is said to have ended, or the next would be put there.
    this.#look();
  }

  takeClockOffset(offsetMs: number): void {
    this.#clockOffsetMs = offsetMs;
  }

  /** After each look, with what it saw. */
  onLooked(listener: (hardware: Hardware, load: NodeLoad) => void): void {
    this.#onLooked = listener;
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
    this.#watch.stop();
  }

  #watchLoad(): LoadWatch {
    const { machine, log } = this.#options;
    return machine.watchLoad(this.#hardware, (reason) => log("agent.watchTrouble", { reason }));
  }

  /** Now, and not only at the next round; for GPUs' sake, and not more than once a second. */
  look(): void {
    const sinceLastMs = this.#options.machine.clock.monotonicMs() - this.#lookedAtMs;
    if (this.#hardware.gpus.length > 0 && sinceLastMs >= MIN_LOOK_MS) this.#look();
  }

  #round(): void {
    this.#cancel = this.#options.machine.clock.callAfter(ROUND_MS, () => this.#round());
    this.#look();
  }

  #look(): void {
    const { clock } = this.#options.machine;
    this.#lookedAtMs = clock.monotonicMs();
    this.#load = this.#watch.readLoad();
    const observed = this.#watch.observe();
    const observations = this.#observe(observed);
    const gpuIds = this.#hardware.gpus.flatMap(({ id, migInstances }) => [id, ...migInstances.map((mig) => mig.id)]);
    const health = this.#judge.judge(observations, gpuIds, clock.nowMs(), clock.monotonicMs());
    if (JSON.stringify(health) !== JSON.stringify(this.#health)) {
      this.#health = health;
      this.#revision++;
    }
    this.#onLooked(this.#hardware, this.#load);
    if (isHardwareInDoubt(this.#hardware, observed, observations)) this.#probeSoon();
    if (clock.monotonicMs() >= this.#probeDueAtMs) void this.#probeAgain();
  }

  #observe(observed: MachineObservation): Observation[] {
    const { foreignGpuUse, machine } = this.#options;
    const nowMs = machine.clock.monotonicMs();
    for (const event of observed.xidEvents) this.#xids.take(event, this.#isFirstRound, nowMs);
    this.#isFirstRound = false;
    const recovered = new Set(
      (observed.nvidia?.rows ?? [])
        .filter(({ recoveryAction }) => recoveryAction === NO_RECOVERY_NEEDED)
        .flatMap(({ pciAddress }) => pciAddress ?? []),
    );
    const observations = observeHealth({
      hardware: this.#hardware,
      load: this.#load,
      liveGpus: observed.nvidia && liveGpusOf(observed.nvidia),
      xidFaults: this.#xids.faults(recovered, nowMs),
      dataDisk: observed.dataDisk,
      clockOffsetMs: this.#clockOffsetMs,
      foreignGpuUse,
    });
    return [...observations, ...this.#quarantines.review(() => this.#watch.gpuUses())];
  }

  #probeSoon(): void {
    const dueAtMs = this.#options.machine.clock.monotonicMs() + this.#probeDelayMs;
    if (dueAtMs < this.#probeDueAtMs) this.#probeDueAtMs = dueAtMs;
  }

  async #probeAgain(): Promise<void> {
    if (this.#isProbing) return;
    this.#isProbing = true;
    const { machine, log } = this.#options;
    const probed = await machine.probeHardware({ isFirst: false }).catch((error: unknown) => {
      log("agent.probeWarning", { reason: error instanceof Error ? error.message : String(error) });
      return this.#hardware;
    });
    this.#isProbing = false;
    if (this.#isStopped) return;
    const { enforcement } = this.#options;
    const hardware = { ...withKnownGpus(probed, this.#hardware), enforcement };
    const isSame = fingerprint(hardware) === fingerprint(this.#hardware);
    this.#probeDelayMs = isSame ? Math.min(this.#probeDelayMs * 2, PROBE_AGAIN_MS) : FIRST_PROBE_AGAIN_MS;
    this.#probeDueAtMs = machine.clock.monotonicMs() + PROBE_AGAIN_MS;
    if (isSame) return;
    for (const reason of hardware.warnings)
      if (!this.#hardware.warnings.includes(reason)) log("agent.probeWarning", { reason });
    log("agent.hardwareChanged", { gpus: hardware.gpus.length, capacity: this.#options.offer(hardware) });
    this.#hardware = hardware;
    this.#revision++;
    this.#watch.stop();
    this.#watch = this.#watchLoad();
  }
}

function liveGpusOf({ rows, isHanging, watchedForMs }: NonNullable<MachineObservation["nvidia"]>): LiveGpus {
  const heard = rows.flatMap(({ uuid }) => uuid ?? []);
  return {
    hasSettled: watchedForMs >= SETTLED_AFTER_MS,
    isHanging,
    heardGpuIds: heard,
    faults: rows.flatMap((row) => (row.uuid === null ? [] : faultsOfRow(row, row.uuid))),
  };
}

/** What is heard or seen does not go with what the last probe found. */
function isHardwareInDoubt(
  { gpus }: Hardware,
  { nvidia }: MachineObservation,
  observations: readonly Observation[],
): boolean {
  const rows = nvidia?.rows ?? [];
  const known = new Map(gpus.map((gpu) => [gpu.id, gpu]));
  const isChanged = rows.some(({ uuid, isMigEnabled }) => {
    const gpu = known.get(uuid ?? "");
    return gpu === undefined || (isMigEnabled !== null && gpu.isMigEnabled !== isMigEnabled);
  });
  const doubtful = ["gpuSilent", "gpuFault", "gpuLost", "gpuUnreachable", "driverUnusable"];
  return isChanged || observations.some(({ code }) => doubtful.includes(code) || WHOLE_DRIVER.has(code));
}

/**
 * A probe in which the driver answered for no GPU says nothing of which there are; and one that failed altogether
 * says nothing at all. Then they are as they were: unhealthy, not gone.
 */
function withKnownGpus(probed: Hardware, known: Hardware): Hardware {
  if (probed.software === null && known.software !== null) return known;
  const isBlind = probed.gpuFaults.some(({ gpuId, code }) => gpuId === null && WHOLE_DRIVER.has(code));
  const isNvidia = ({ vendor }: GpuDevice) => vendor === "nvidia";
  if (!isBlind || probed.gpus.some(isNvidia)) return probed;
  return { ...probed, gpus: [...known.gpus.filter(isNvidia), ...probed.gpus] };
}

/** Without what changes all the time. */
function fingerprint({ disks, warnings: _warnings, ...hardware }: Hardware): string {
  return JSON.stringify({ ...hardware, disks: disks.map(({ freeBytes: _freeBytes, ...disk }) => disk) });
}
