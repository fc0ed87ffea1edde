import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Book, Copy } from "./book.ts";
import { backUpDatabase, copyDatabase, readDatabase, restoreDatabase } from "./fleet/database.ts";
import type { ChaosFleet } from "./fleet/chaos-fleet.ts";
import { markedProcesses, signal } from "./machine/processes.ts";
import { describeFault, type AgentName, type Fault } from "./plan/fault.ts";
import type { Lane } from "./plan/plan.ts";

export interface PlayOptions {
  run: string;
  folder: string;
  fleet: ChaosFleet;
  book: Book;
  /** Aborted, every fault that is under way is undone at once. */
  until: AbortSignal;
  note: (what: string) => void;
}

/** Plays the lanes side by side, each in its order, and heals all that it did before it resolves. */
export class FaultPlayer {
  readonly #options: PlayOptions;
  readonly #counts = new Map<string, number>();
  #latestCopy: Copy | null = null;
  #copyCount = 0;

  constructor(options: PlayOptions) {
    this.#options = options;
  }

  /** How many of each kind were injected; what found nothing to act on is not counted. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  async play(lanes: readonly Lane[]): Promise<void> {
    await Promise.all(lanes.map((lane) => this.#playLane(lane)));
  }

  async #playLane(lane: Lane): Promise<void> {
    for (const { afterMs, fault } of lane) {
      await this.#pause(afterMs);
      if (this.#options.until.aborted) return;
      this.#options.note(describeFault(fault));
      const wasInjected = await this.#inject(fault);
      if (wasInjected) this.#counts.set(kindOf(fault), (this.#counts.get(kindOf(fault)) ?? 0) + 1);
    }
  }

  /** Resolves when the fault is undone; false where there was nothing to do it to. */
  async #inject(fault: Fault): Promise<boolean> {
    const { fleet } = this.#options;
    switch (fault.kind) {
      case "kill": {
        const daemon = fleet.daemon(fault.daemon);
        await daemon.kill();
        await this.#pause(fault.forMs);
        daemon.start();
        return true;
      }
      case "pause": {
        const daemon = fleet.daemon(fault.daemon);
        daemon.pause();
        await this.#pause(fault.forMs);
        daemon.resume();
        return true;
      }
      case "killLauncher":
        return this.#killOne(this.#launchersOf(fault.daemon), 0);
      case "killSupervisor":
        return this.#killOne(this.#supervisorsOf(fault.daemon), fault.draw);
      case "partition":
      case "cut":
      case "loss": {
        const lift = await fleet.network.impose(fault);
        await this.#pause(fault.forMs);
        await lift();
        return true;
      }
      case "fillDisk": {
        const disk = fleet.disk(fault.daemon);
        disk.fill();
        await this.#pause(fault.forMs);
        await disk.free();
        return fleet.disksCanFill;
      }
      case "copy":
        return this.#copy(fault.way);
      case "restore":
        return this.#restore();
    }
  }

  async #pause(forMs: number): Promise<void> {
    await delay(forMs, undefined, { signal: this.#options.until }).catch(() => {});
  }

  #launchersOf(agent: AgentName): number[] {
    const agentPid = this.#options.fleet.daemon(agent).pid;
    return this.#supervisorPrograms().flatMap(({ pid, parentPid }) => (parentPid === agentPid ? [pid] : []));
  }

  #supervisorsOf(agent: AgentName): number[] {
    const folder = join(this.#options.folder, agent);
    const launchers = this.#launchersOf(agent);
    return this.#supervisorPrograms().flatMap(({ pid, command }) =>
      launchers.includes(pid) || !command.some((word) => word.startsWith(folder)) ? [] : [pid],
    );
  }

  /** Launchers and supervisors are one program, and a supervisor is forked from its launcher. */
  #supervisorPrograms(): ReturnType<typeof markedProcesses> {
    return markedProcesses(this.#options.run).filter(
      ({ command, attemptId }) => attemptId === null && command[0]?.endsWith("drover-supervisor"),
    );
  }

  #killOne(pids: readonly number[], draw: number): boolean {
    const pid = pids[Math.floor(draw * pids.length)];
    return pid !== undefined && signal(pid, "SIGKILL");
  }

  async #copy(way: "online" | "stopped"): Promise<boolean> {
    const { fleet, folder, note } = this.#options;
    const file = join(folder, `copy-${++this.#copyCount}.db`);
    const beganAtMs = performance.now();
    try {
      if (way === "online") {
        await backUpDatabase(fleet.coordinatorDataDir, file);
      } else {
        await fleet.daemon("coordinator").stop();
        copyDatabase(fleet.databaseFile, file);
      }
    } catch (error) {
      // A full disk, say: an operator would see it too, and keep the copy before.
      note(`the copy failed: ${String(error)}`);
      return false;
    } finally {
      fleet.daemon("coordinator").start();
    }
    this.#latestCopy = { file, beganAtMs };
    return true;
  }

  async #restore(): Promise<boolean> {
    const { fleet, book, note } = this.#options;
    const copy = this.#latestCopy;
    if (!copy) return false;
    await fleet.daemon("coordinator").kill();
    const before = readDatabase(fleet.databaseFile);
    await this.#restoreFrom(copy.file);
    const forgotten = book.restore(copy, before, readDatabase(fleet.databaseFile));
    const ageSeconds = ((performance.now() - copy.beganAtMs) / 1000).toFixed(1);
    note(`the copy is ${ageSeconds} s old: ${forgotten.jobs} jobs and ${forgotten.attempts} attempts are forgotten`);
    fleet.daemon("coordinator").start();
    return true;
  }

  /** Whoever puts a database back makes room for it first; and again, where another fault takes it away meanwhile. */
  async #restoreFrom(copy: string): Promise<void> {
    const { fleet } = this.#options;
    for (let isRestored = false; !isRestored;) {
      await fleet.disk("coordinator").free();
      isRestored = await restoreDatabase(fleet.coordinatorDataDir, copy).then(
        () => true,
        (error: Error) => {
          if (!error.message.includes("storage.full")) throw error;
          return false;
        },
      );
    }
  }
}

/** As the report names it. */
function kindOf(fault: Fault): string {
  if (fault.kind === "partition") return `partition ${fault.blocked === "both" ? "both ways" : "one way"}`;
  if (fault.kind === "copy") return `copy ${fault.way}`;
  if (fault.kind === "kill" || fault.kind === "pause" || fault.kind === "fillDisk")
    return `${fault.kind} ${fault.daemon === "coordinator" ? "coordinator" : "agent"}`;
  return fault.kind;
}
