import type { Notice } from "@drover/agent/runtime/notices.ts";
import { Disk } from "../world/disk.ts";
import { MachineClock } from "../world/machine-clock.ts";
import { Path } from "../world/network.ts";
import type { Random } from "../world/random.ts";
import type { Timeline } from "../world/timeline.ts";
import type { Observer } from "../observer.ts";
import { Launcher } from "./launcher.ts";
import { ProcessTable } from "./process-table.ts";
import type { Supervisor } from "./supervisor.ts";

export const DATA_DIR = "/data";

export interface NodeSize {
  cpuMilli: number;
  memoryBytes: number;
  gpuIds: readonly string[];
}

export interface NodeMachineOptions {
  name: string;
  site: string | null;
  /** `null` where nothing on the machine says one. */
  machineId: string | null;
  protocolVersion: 1 | 2;
  size: NodeSize;
  /** Speed of its clocks against true time. */
  clockRate: number;
  wallOffsetMs: number;
  pidCount: number;
}

/** A machine of the fleet: a disk, clocks, processes and a cable, none of which an agent's crash touches. */
export class NodeMachine {
  readonly name: string;
  readonly site: string | null;
  readonly machineId: string | null;
  readonly protocolVersion: 1 | 2;
  readonly size: NodeSize;
  readonly disk: Disk;
  readonly clock: MachineClock;
  readonly path: Path;
  readonly processes: ProcessTable;
  readonly supervisors = new Set<Supervisor>();
  /** Dead ones, of whose command something still runs. */
  readonly leftBehind = new Set<Supervisor>();
  readonly timeline: Timeline;
  readonly random: Random;
  readonly observer: Observer;
  readonly onUncaught = (error: unknown): void => this.observer.onUncaught(this.name, error);
  bootId = "";
  isUp = false;
  /** The one that holds the data directory. */
  launcher: Launcher | null = null;
  /** Looks at files that fail, with EMFILE or EIO, until it is 0 again. */
  readFailures = 0;
  /** Starts of processes that fail until it is 0 again. */
  forkFailures = 0;
  /** Starts of supervisors that are slow until it is 0 again. */
  slowStarts = 0;
  #bootCount = 0;
  #listener: ((notice: Notice) => void) | null = null;

  constructor(options: NodeMachineOptions, timeline: Timeline, random: Random, observer: Observer) {
    this.name = options.name;
    this.site = options.site;
    this.machineId = options.machineId;
    this.protocolVersion = options.protocolVersion;
    this.size = options.size;
    this.timeline = timeline;
    this.path = new Path(timeline);
    this.random = random;
    this.observer = observer;
    this.disk = new Disk(random.fork());
    this.clock = new MachineClock(timeline, options.clockRate, options.wallOffsetMs);
    this.processes = new ProcessTable(this.clock, options.pidCount);
  }

  attemptDirectory(attemptId: string): string {
    return `${DATA_DIR}/attempts/${attemptId}`;
  }

  /** What the spool holds: one directory each. */
  spooledAttemptIds(): string[] {
    return this.disk.exists(`${DATA_DIR}/attempts`) ? this.disk.list(`${DATA_DIR}/attempts`) : [];
  }

  boot(): void {
    this.isUp = true;
    this.bootId = `${this.name}-${this.machineId}-boot-${++this.#bootCount}`;
    this.clock.boot();
    this.path.heal();
  }

  /** Everything stops at once; with `inOrder` the disk was written before. */
  goDown(inOrder: boolean): void {
    this.isUp = false;
    for (const supervisor of [...this.supervisors, ...this.leftBehind]) supervisor.vanish();
    this.launcher?.vanish();
    this.launcher = null;
    this.#listener = null;
    this.processes.clear();
    for (const connection of this.path.connections) connection.lose("up");
    // Nobody answers for it until it is back.
    this.path.cut("up");
    this.path.cut("down");
    if (inOrder) this.disk.syncAll();
    else {
      this.disk.cutPower();
      this.observer.onPowerCut(this.name);
    }
  }

  /** The FIFO `notices`: what nobody listens to is lost. */
  notify(notice: Notice): void {
    const listener = this.#listener;
    this.timeline.after(this.random.magnitude(0.05, 5), () => listener === this.#listener && listener?.(notice));
  }

  listenForNotices(listener: (notice: Notice) => void): () => void {
    this.#listener = listener;
    return () => (this.#listener = null);
  }

  /** Some program of the machine, which gets a pid that was ours a moment ago. */
  startOther(pid: number): void {
    const { processes, observer, timeline, random } = this;
    const onSignal = () => observer.fail("signalsReachWhomTheyMean", `${this.name}: a program that is not ours`);
    const other = processes.add("", onSignal, pid - 1);
    if (other) timeline.after(random.magnitude(1_000, 600_000), () => processes.remove(other));
  }

  startLauncher(onLocked: () => void, onReady: (launcher: Launcher) => void): void {
    Launcher.open(this, onLocked, onReady);
  }
}
