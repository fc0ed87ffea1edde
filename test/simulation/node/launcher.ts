import type { NodeMachine } from "./node-machine.ts";
import { Supervisor } from "./supervisor.ts";

/** How long one may go on after its agent was killed: it notices at the end of what it was already asked. */
const NOTICE_END_MS = [0.1, 20] as const;
const WAIT_FOR_LOCK_MS = 50;
/** native/launcher.h: LOCK_TRIES. */
const LOCK_TRIES = 60;
const REQUEST_MS = [0.05, 10] as const;

/** native/launcher.h in terms of the simulation: forks supervisors on request, holds the data directory, ends with its agent. */
export class Launcher {
  readonly #machine: NodeMachine;
  #isAlive = true;
  #lastRequestAtMs = 0;
  onStartRefused: (attemptId: string) => void = () => {};

  private constructor(machine: NodeMachine) {
    this.#machine = machine;
  }

  static open(machine: NodeMachine, onLocked: () => void, onReady: (launcher: Launcher) => void, tries = 0): void {
    if (!machine.isUp) return;
    if (machine.launcher === null) {
      machine.launcher = new Launcher(machine);
      onReady(machine.launcher);
    } else if (tries < LOCK_TRIES) {
      machine.timeline.after(WAIT_FOR_LOCK_MS, () => Launcher.open(machine, onLocked, onReady, tries + 1));
    } else {
      onLocked();
    }
  }

  /** A line into its pipe: once there, it is served even if the agent is dead by then. */
  request(verb: "start" | "remove", attemptId: string): void {
    const { timeline, random } = this.#machine;
    const atMs = Math.max(this.#lastRequestAtMs, timeline.nowMs + random.magnitude(...REQUEST_MS));
    this.#lastRequestAtMs = atMs;
    timeline.after(atMs - timeline.nowMs, () => this.#isAlive && this.#serve(verb, attemptId));
  }

  /** Its agent closed the pipe, or is gone. */
  end(): void {
    const { timeline, random } = this.#machine;
    const atMs = Math.max(this.#lastRequestAtMs, timeline.nowMs + random.magnitude(...NOTICE_END_MS));
    timeline.after(atMs - timeline.nowMs, () => {
      this.#isAlive = false;
      if (this.#machine.launcher === this) this.#machine.launcher = null;
    });
  }

  /** Killed by itself; its agent starts another. Its supervisors go on. */
  kill(restart: (launcher: Launcher) => void): void {
    this.#isAlive = false;
    this.#machine.launcher = null;
    this.#machine.timeline.after(1_000, () => Launcher.open(this.#machine, () => {}, restart));
  }

  vanish(): void {
    this.#isAlive = false;
  }

  #serve(verb: "start" | "remove", attemptId: string): void {
    const { timeline, random, disk } = this.#machine;
    if (this.#machine.forkFailures > 0) {
      this.#machine.forkFailures--;
      if (verb === "start") this.onStartRefused(attemptId);
      return;
    }
    if (verb === "start") new Supervisor(this.#machine, attemptId).start();
    else
      timeline.after(random.magnitude(0.1, 100), () => {
        if (this.#machine.isUp) disk.removeTree(this.#machine.attemptDirectory(attemptId));
      });
  }
}
