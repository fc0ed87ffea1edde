import type { Clock } from "@drover/shared/clock.ts";
import type { JobId, NodeId } from "@drover/shared/domain/ids.ts";
import type { JobState } from "@drover/shared/domain/job.ts";
import { DroverError, isDroverError } from "@drover/shared/errors.ts";
import { Effects } from "../core/effects.ts";
import type { Fleet, Instant } from "../core/fleet.ts";
import type {
  Command,
  CommandResult,
  Happening,
  JobCommand,
  JobCommandResult,
  ModelCommand,
  ModelCommandResult,
  NodeCommand,
  NodeCommandResult,
} from "../core/input.ts";
import { finishTurn } from "../core/finish-turn.ts";
import { extendLeases, heardAfterStall, heardFrom, type NodeReport } from "../core/liveness.ts";
import { step } from "../core/step.ts";
import type { TurnStore, WrittenTurn } from "../store/store.ts";
import { StallWatch } from "./stall-watch.ts";

/** What a durable turn sets free. */
export interface CommittedTurn {
  effects: Effects;
  written: WrittenTurn;
  now: Instant;
  inputCount: number;
  /** From the first input's step to the end of the commit. */
  durationMs: number;
}

export interface EngineOptions {
  fleet: Fleet;
  store: TurnStore;
  clock: Clock;
  /** The job that the store holds under an idempotency key. */
  jobUnderKey: (key: string) => Extract<Command, { type: "submitJob" }>["storedUnderKey"];
  /** The state of a job that the store holds; `null` where there is none. */
  jobState: (jobId: JobId) => JobState | null;
  /** Called after each commit, in order. */
  release: (turn: CommittedTurn) => void;
  /** Called when commits begin to fail, and with `null` when they work again. */
  onStoreHealth: (problem: DroverError | null) => void;
  /** Called when an input met a defect of the core: nothing of it happened. */
  onDefect: (error: unknown, inputType: string) => void;
  /** Called when the coordinator itself was stopped or slow for so long. */
  onStall: (stalledMs: number) => void;
}

type UserJobCommand =
  | Omit<Extract<JobCommand, { type: "submitJob" }>, "storedUnderKey" | "storedEnds">
  | Exclude<JobCommand, { type: "submitJob" }>;
export type UserCommand = UserJobCommand | NodeCommand | ModelCommand;

interface PendingCommand {
  command: UserCommand;
  resolve: (result: CommandResult) => void;
  reject: (error: unknown) => void;
}

type Pending = PendingCommand | { happening: Happening };

const TICK_MS = 1000;
/** How long after a failed commit the next is tried; the callers in between wait for it. */
const COMMIT_RETRY_MS = 500;

/**
 * The one place where the fleet changes, a turn at a time:
 *
 *   everything that arrived → core.step each, then one placement pass → one transaction → effects
 *
 * Nothing leaves before the commit. If it fails, the turn never happened: commands are answered with the
 * storage error, and what agents said is kept and tried again, because nobody would repeat it.
 */
export class Engine {
  readonly #options: EngineOptions;
  #pending: Pending[] = [];
  #turnIsScheduled = false;
  #turn: Promise<void> | null = null;
  #inTurn: readonly Pending[] = [];
  #storeProblem: DroverError | null = null;
  #stopped = false;
  #cancelTimer: () => void = () => {};
  readonly #stallWatch: StallWatch;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#stallWatch = new StallWatch(options.clock);
  }

  get fleet(): Fleet {
    return this.#options.fleet;
  }

  get storeProblem(): DroverError | null {
    return this.#storeProblem;
  }

  /** The first turn tells that the coordinator restarted; resolves when it is durable. */
  async start(): Promise<void> {
    this.#stallWatch.expectTick(TICK_MS);
    this.#pending.push({ happening: { type: "restarted" } });
    await this.#runTurn();
    if (this.#storeProblem) throw this.#storeProblem;
    // Every lease counts from before a commit that may have taken as long (simulation seed 1958297922).
    this.#noticeStall();
    this.#scheduleTick();
  }

  /** Finishes the turn in progress and refuses what comes later. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    await this.#turn;
    for (const pending of this.#pending.splice(0)) {
      if ("reject" in pending)
        pending.reject(new DroverError("coordinator.stopping", "The coordinator is shutting down."));
    }
  }

  /** Resolves when what the command did is durable; rejects with `storage.*` when nothing was done. */
  command(command: UserJobCommand): Promise<JobCommandResult>;
  command(command: NodeCommand): Promise<NodeCommandResult>;
  command(command: ModelCommand): Promise<ModelCommandResult>;
  command(command: UserCommand): Promise<CommandResult>;
  command(command: UserCommand): Promise<CommandResult> {
    if (this.#stopped)
      return Promise.reject(new DroverError("coordinator.stopping", "The coordinator is shutting down."));
    return new Promise((resolve, reject) => this.#enqueue({ command, resolve, reject }));
  }

  happen(happening: Happening): void {
    if (!this.#stopped) this.#enqueue({ happening });
  }

  /** Renews a lease at once; says whether the heartbeat may be acknowledged. */
  heardFrom(nodeId: NodeId, sessionId: number, report: NodeReport): boolean {
    if (this.#stopped) return false;
    this.#noticeStall();
    return heardFrom(this.fleet, nodeId, sessionId, report, this.#now());
  }

  #enqueue(pending: Pending): void {
    this.#pending.push(pending);
    if (this.#turnIsScheduled) return;
    this.#turnIsScheduled = true;
    // What arrived together shares one transaction.
    this.#options.clock.callSoon(() => void this.#runTurn());
  }

  async #runTurn(): Promise<void> {
    // Turns never overlap; a store that really waits lets inputs gather for the next.
    if (this.#turn) await this.#turn;
    this.#turnIsScheduled = false;
    if (this.#pending.length === 0) return;
    this.#turn = this.#commitTurn(this.#pending.splice(0));
    await this.#turn;
    this.#turn = null;
  }

  async #commitTurn(inputs: Pending[]): Promise<void> {
    const { fleet, clock, release } = this.#options;
    this.#inTurn = inputs;
    this.#noticeStall();
    const now = this.#now();
    const effects = new Effects();
    const answers: (() => void)[] = [];
    let written: WrittenTurn;
    try {
      for (const input of inputs) {
        if ("happening" in input) {
          step(fleet, input.happening, effects, now);
        } else {
          const result = step(fleet, this.#prepare(input.command), effects, now);
          answers.push(() => input.resolve(result));
        }
      }
      finishTurn(fleet, effects, now);
      written = await this.#write(effects, now);
    } catch (error) {
      fleet.rollback();
      if (isDroverError(error)) this.#takeBack(inputs, error);
      else await this.#isolateDefect(inputs, error);
      return;
    }
    fleet.commit();
    const durationMs = clock.monotonicMs() - now.monotonicMs;
    try {
      release({ effects, written, now, inputCount: inputs.length, durationMs });
    } catch (error) {
      // Durable it is all the same: whoever was not told will be, in the next welcome.
      this.#options.onDefect(error, "release");
    }
    for (const answer of answers) answer();
  }

  async #write(effects: Effects, now: Instant): Promise<WrittenTurn> {
    const { fleet, store } = this.#options;
    if (fleet.hasChanges || effects.events.length > 0) {
      const written = await store.commit(fleet, effects.events, now.wallMs);
      this.#setStoreProblem(null);
      return written;
    }
    if (this.#storeProblem) {
      // Nothing to write, and the last write failed: find out whether the next would, to be ready again.
      await store.probe(now.wallMs);
      this.#setStoreProblem(null);
    }
    return { events: [] };
  }

  /** The disk's fault: callers hear of it; what agents said is kept, because nobody would repeat it. */
  #takeBack(inputs: Pending[], problem: DroverError): void {
    for (const input of inputs) if ("reject" in input) input.reject(problem);
    this.#setStoreProblem(problem);
    // A tick says nothing that the next does not say.
    const kept = inputs.filter((input) => "happening" in input && input.happening.type !== "tick");
    this.#pending.unshift(...kept);
    this.#turnIsScheduled = true;
    this.#options.clock.callAfter(COMMIT_RETRY_MS, () => void this.#runTurn());
  }

  /** Our fault: one input must not take down those that came with it, so each gets a turn of its own. */
  async #isolateDefect(inputs: Pending[], error: unknown): Promise<void> {
    const [only, ...others] = inputs;
    if (only && others.length === 0) {
      this.#options.onDefect(error, "happening" in only ? only.happening.type : only.command.type);
      if ("reject" in only) only.reject(error);
      return;
    }
    for (const [index, input] of inputs.entries()) {
      await this.#commitTurn([input]);
      // The disk is at fault now: what comes after must neither overtake what was put back nor be lost.
      if (this.#storeProblem) return this.#takeBackRest(inputs.slice(index + 1), this.#storeProblem);
    }
  }

  #takeBackRest(inputs: Pending[], problem: DroverError): void {
    for (const input of inputs) if ("reject" in input) input.reject(problem);
    this.#pending.push(...inputs.filter((input) => "happening" in input));
  }

  #prepare(command: UserCommand): Command {
    if (command.type !== "submitJob") return command;
    const { idempotency, spec } = command;
    return {
      ...command,
      storedUnderKey: idempotency && this.#options.jobUnderKey(idempotency.key),
      storedEnds: this.#storedEndsOf(spec.after.map(({ jobId }) => jobId)),
    };
  }

  /** What is in memory is not asked for: there the turn itself may have ended it. */
  #storedEndsOf(jobIds: readonly JobId[]): ReadonlyMap<JobId, JobState> {
    const ends = new Map<JobId, JobState>();
    for (const jobId of jobIds) {
      const state = this.fleet.jobs.get(jobId) ? null : this.#options.jobState(jobId);
      if (state) ends.set(jobId, state);
    }
    return ends;
  }

  #setStoreProblem(problem: DroverError | null): void {
    if (problem?.code === this.#storeProblem?.code) return;
    this.#storeProblem = problem;
    this.#options.onStoreHealth(problem);
  }

  #scheduleTick(): void {
    this.#stallWatch.expectTick(TICK_MS);
    this.#cancelTimer = this.#options.clock.callAfter(TICK_MS, () => {
      this.#noticeStall();
      this.happen({ type: "tick" });
      this.#scheduleTick();
    });
  }

  #noticeStall(): void {
    const stalledMs = this.#stallWatch.take();
    if (stalledMs === 0) return;
    const now = this.#now();
    extendLeases(this.fleet, stalledMs, now);
    for (const input of new Set([...this.#inTurn, ...this.#pending]))
      if ("happening" in input) input.happening = heardAfterStall(input.happening, stalledMs, now);
    this.#options.onStall(Math.round(stalledMs));
  }

  #now(): Instant {
    const { clock } = this.#options;
    return { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
  }
}

export function requireResult<R extends CommandResult>(result: R): Extract<R, { ok: true }> {
  if (result.ok) return result as Extract<R, { ok: true }>;
  throw new DroverError(result.code, result.message);
}
