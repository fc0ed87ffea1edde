import type { AttemptOutcome } from "@drover/shared/domain/attempt.ts";
import type { AttemptId } from "@drover/shared/domain/ids.ts";
import { formatClaim, formatExit } from "@drover/agent/spool/records.ts";
import type { Random } from "../world/random.ts";
import { Process } from "../world/process.ts";
import { parseLaunch, type CommandLine } from "./command.ts";
import type { NodeMachine } from "./node-machine.ts";
import type { TableEntry } from "./process-table.ts";

/** For a step of the real program: some hundred microseconds, sometimes much more. */
const STEP_MS = [0.1, 40] as const;
/** Where the machine swaps: also longer than a lease. */
const SLOW_START_MS = [100, 120_000] as const;
const RETRY_ON_FULL_DISK_MS = 1_000;
const DEATH_MS = 2;
/** Shorter than any node is given up: what outlives a dead agent too is out of its reach (native/README.md). */
const LEFT_BEHIND_MS = 8_000;

/**
 * native/supervise.h in terms of the simulation: the same steps in the same order on the same files, each at a
 * moment of its own, so that everything else may come in between. The C program itself is tested against a real
 * kernel in packages/agent; here it is the world around the agent.
 */
export class Supervisor {
  readonly #machine: NodeMachine;
  readonly #random: Random;
  readonly #attemptId: string;
  readonly #directory: string;
  readonly #process: Process;
  #entry: TableEntry | null = null;
  #command: TableEntry | null = null;
  #line: CommandLine | null = null;
  #cause: AttemptOutcome | null = null;
  #isCommandOver = false;
  #isExecuting = false;
  #isAskedToStop = false;
  #written = "";
  #outputBytes = 0;

  constructor(machine: NodeMachine, attemptId: string) {
    this.#machine = machine;
    this.#random = machine.random;
    this.#attemptId = attemptId;
    this.#directory = machine.attemptDirectory(attemptId);
    this.#process = new Process(`${machine.name} supervisor`, machine.timeline, machine.onUncaught);
    machine.supervisors.add(this);
  }

  get attemptId(): string {
    return this.#attemptId;
  }

  get isExecuting(): boolean {
    return this.#isExecuting;
  }

  start(): void {
    if (this.#machine.slowStarts > 0) {
      this.#machine.slowStarts--;
      this.#process.sleep(this.#random.magnitude(...SLOW_START_MS));
    }
    this.#next(() => this.#prepare());
  }

  /** It is killed; the kernel kills the command with it, and nobody writes down how it ended. */
  kill(): void {
    this.#process.kill();
    if (this.#written !== "") this.#machine.observer.onLostInPipe(this.#attemptId, this.#written);
    this.#written = "";
    if (this.#entry) this.#machine.processes.remove(this.#entry);
    if (this.#entry && this.#random.chance(0.2)) this.#machine.startOther(this.#entry.pid);
    this.#machine.supervisors.delete(this);
    // The kernel kills the command with it; a process that the command has forked may go on until somebody finds it.
    const survivesMs = this.#random.chance(0.3) ? this.#random.magnitude(DEATH_MS, LEFT_BEHIND_MS) : DEATH_MS;
    if (!this.#command) return;
    this.#machine.leftBehind.add(this);
    this.#machine.timeline.after(survivesMs, () => this.#commandGone());
  }

  /** The machine lost its power. */
  vanish(): void {
    this.#process.kill();
    this.#machine.supervisors.delete(this);
    this.#commandGone();
  }

  #prepare(): void {
    const { disk, processes, bootId } = this.#machine;
    if (disk.exists(`${this.#directory}/claim`)) return this.#exit();
    const text = disk.read(`${this.#directory}/launch`);
    if (text === null) return this.#exit();
    this.#entry = processes.add("", (signal) => this.#onSignal(signal));
    if (!this.#entry) return this.#exit();
    this.#line = parseLaunch(text);
    if (!this.#line) return this.#failBeforeCommand("supervisorFailed", "launch");
    this.#machine.observer.onLaunchRead(this.#attemptId, text, bootId);
    try {
      for (const name of ["work", "tmp", "home"]) disk.makeDirectory(`${this.#directory}/${name}`, true);
      if (!disk.exists(`${this.#directory}/output`)) disk.write(`${this.#directory}/output`, "");
    } catch {
      return this.#failBeforeCommand("nodeOutOfResources", "attempt directory");
    }
    this.#command = processes.add(`DROVER_ATTEMPT_ID=${this.#attemptId}\0`, (signal) => this.#onCommandSignal(signal));
    if (!this.#command) return this.#failBeforeCommand("nodeOutOfResources", "fork");
    this.#next(() => this.#claimAndRun());
  }

  #claimAndRun(): void {
    const { disk } = this.#machine;
    const claimed = this.#claim(this.#command?.pid ?? 0);
    if (claimed === "error") {
      this.#commandGone();
      return this.#failBeforeCommand("nodeOutOfResources", "claim");
    }
    if (claimed === "taken") {
      this.#commandGone();
      return this.#exit();
    }
    this.#next(() => {
      if (!disk.exists(`${this.#directory}/launch`)) {
        this.#commandGone();
        if (disk.exists(`${this.#directory}/claim`)) disk.removeFile(`${this.#directory}/claim`);
        return this.#exit();
      }
      if (this.#line?.endsWithLease && this.#leaseDeadlineMs() <= this.#machine.clock.monotonicMs()) {
        this.#commandGone();
        return this.#conclude({ type: "nodeLost", code: "leaseExpired" });
      }
      if (this.#isAskedToStop) {
        this.#commandGone();
        return this.#conclude(this.#stopCause());
      }
      this.#run();
    });
  }

  #run(): void {
    const line = this.#line as CommandLine;
    const { clock, observer } = this.#machine;
    if (line.behaviour.isMissing) {
      this.#commandGone();
      const failure = { type: "startFailed", code: "commandNotFound", message: "simulated: no such program" } as const;
      return this.#conclude(failure);
    }
    this.#isExecuting = true;
    observer.onStarted(this.#machine.name, this.#attemptId);
    this.#machine.notify({
      type: "started",
      attemptId: this.#attemptId as AttemptId,
      pid: this.#command?.pid ?? 0,
      startedAtMs: clock.wallMs(),
    });
    this.#writeLines(line);
    this.#process.after(line.behaviour.durationMs, () => this.#onCommandEnded());
    if (line.timeoutMs !== null)
      this.#process.after(clock.trueMs(line.timeoutMs), () => this.#beginStop({ type: "timedOut" }));
    if (line.endsWithLease) this.#watchLease();
  }

  #writeLines({ behaviour }: CommandLine): void {
    const pauseMs = behaviour.durationMs / (behaviour.outputLines + 1);
    const writeLine = (number: number): void => {
      if (this.#isCommandOver || number > behaviour.outputLines) return;
      const line = `${this.#attemptId} line ${number} `.padEnd(behaviour.lineBytes - 1, ".") + "\n";
      this.#machine.observer.onWritten(this.#attemptId, line);
      this.#written += line;
      this.#copy();
      this.#process.after(pauseMs, () => writeLine(number + 1));
    };
    this.#process.after(pauseMs, () => writeLine(1));
  }

  /** From the pipe to the file; on a full disk it stays in the pipe. */
  #copy(): void {
    if (this.#written === "") return;
    try {
      this.#machine.disk.append(`${this.#directory}/output`, this.#written);
      this.#outputBytes += this.#written.length;
      this.#written = "";
    } catch {
      this.#process.after(RETRY_ON_FULL_DISK_MS, () => this.#copy());
    }
  }

  #watchLease(): void {
    const { clock } = this.#machine;
    const deadlineMs = this.#leaseDeadlineMs();
    if (deadlineMs <= clock.monotonicMs()) return this.#beginStop({ type: "nodeLost", code: "leaseExpired" });
    this.#process.after(clock.trueMs(deadlineMs - clock.monotonicMs()) + 0.01, () => this.#watchLease());
  }

  #leaseDeadlineMs(): number {
    const text = this.#machine.disk.exists("/data/lease") ? this.#machine.disk.read("/data/lease") : null;
    return text === null ? 0 : Number.parseInt(text, 10) || 0;
  }

  #onSignal(signal: "SIGTERM" | "SIGKILL"): void {
    if (signal === "SIGKILL") return this.kill();
    this.#isAskedToStop = true;
    this.#next(() => {
      if (this.#isExecuting) this.#beginStop(this.#stopCause());
    });
  }

  #stopCause(): AttemptOutcome {
    const word = this.#machine.disk.read(`${this.#directory}/stop`)?.trim();
    if (word === "preempted" || word === "canceled") return { type: word };
    // On a full disk the agent signals without the file: what counts is that somebody meant this one.
    this.#machine.observer.onStoppedWithoutWord(this.#attemptId);
    return { type: "nodeLost", code: "supervisorLost" };
  }

  /** SIGTERM to the tree; what is still there when the grace is over is killed. */
  #beginStop(cause: AttemptOutcome): void {
    if (this.#cause || this.#isCommandOver || !this.#isExecuting) return;
    this.#cause = cause;
    const line = this.#line as CommandLine;
    const untilDeathMs = line.behaviour.ignoresTerm
      ? this.#machine.clock.trueMs(line.stopGraceMs) + DEATH_MS
      : this.#random.magnitude(0.5, Math.max(1, line.stopGraceMs / 2));
    this.#process.after(untilDeathMs, () => this.#onCommandEnded());
  }

  #onCommandSignal(signal: "SIGTERM" | "SIGKILL"): void {
    if (signal !== "SIGKILL") return;
    if (this.#process.isAlive) this.#onCommandEnded({ type: "signaled", signal });
    else this.#commandGone();
  }

  #onCommandEnded(outcome: AttemptOutcome = this.#ownEnd()): void {
    if (this.#isCommandOver) return;
    this.#commandGone();
    this.#next(() => this.#conclude(this.#cause ?? outcome));
  }

  #ownEnd(): AttemptOutcome {
    const { behaviour, attemptNumber } = this.#line as CommandLine;
    return { type: "exited", code: attemptNumber <= behaviour.failures ? 1 : behaviour.exitCode };
  }

  #commandGone(): void {
    this.#isCommandOver = true;
    this.#machine.leftBehind.delete(this);
    if (this.#command) this.#machine.processes.remove(this.#command);
    this.#command = null;
    if (this.#isExecuting) this.#machine.observer.onEnded(this.#attemptId);
    this.#isExecuting = false;
  }

  #failBeforeCommand(code: "nodeOutOfResources" | "supervisorFailed", message: string): void {
    if (this.#claim(0) === "claimed") this.#conclude({ type: "startFailed", code, message });
    else this.#exit();
  }

  /** link(2): of all that were ever asked for this attempt one gets past here. */
  #claim(commandPid: number): "claimed" | "taken" | "error" {
    const { disk, clock } = this.#machine;
    const entry = this.#entry;
    if (!entry) return "error";
    const name = `${this.#directory}/claim.${entry.pid}`;
    try {
      disk.write(
        name,
        formatClaim({
          supervisorPid: entry.pid,
          supervisorStartTicks: entry.startTicks,
          commandPid,
          startedAtMs: clock.wallMs(),
        }),
      );
      const claimed = disk.link(name, `${this.#directory}/claim`);
      disk.removeFile(name);
      return claimed ? "claimed" : "taken";
    } catch {
      if (disk.exists(name) && !disk.isBroken) disk.removeFile(name);
      return "error";
    }
  }

  /** To the last byte, then the record, each retried until the disk takes it. */
  #conclude(outcome: AttemptOutcome): void {
    const { disk, clock } = this.#machine;
    if (!disk.exists(this.#directory)) return this.#exit();
    try {
      if (this.#written !== "") throw new Error("output is still in the pipe");
      if (this.#outputBytes > 0) disk.sync(`${this.#directory}/output`);
      for (const name of ["work", "tmp", "home"]) disk.removeTree(`${this.#directory}/${name}`);
      const usage = { cpuMs: 1, maxRssBytes: 1, memoryPeakBytes: null, memoryLimitBytes: null, gpus: null };
      const exit = { outcome, endedAtMs: clock.wallMs(), outputBytes: this.#outputBytes, usage };
      disk.write(`${this.#directory}/exit.tmp`, formatExit(exit));
      disk.rename(`${this.#directory}/exit.tmp`, `${this.#directory}/exit`);
      disk.sync(`${this.#directory}/exit`);
    } catch {
      this.#copy();
      this.#process.after(RETRY_ON_FULL_DISK_MS, () => this.#conclude(outcome));
      return;
    }
    this.#next(() => {
      this.#machine.notify({ type: "ended", attemptId: this.#attemptId as AttemptId });
      this.#exit();
    });
  }

  #exit(): void {
    if (this.#entry) this.#machine.processes.remove(this.#entry);
    this.#process.kill();
    this.#machine.supervisors.delete(this);
  }

  #next(step: () => void): void {
    const [least, most] = STEP_MS;
    this.#process.after(this.#random.magnitude(least, most), step);
  }
}
