import type { Fleet } from "@drover/coordinator/core/fleet.ts";
import type { AttemptRecord, NodeRecord } from "@drover/coordinator/core/records.ts";
import { brokenInvariants } from "@drover/coordinator/testing/fleet-invariants.ts";
import { taskKey, type AttemptId, type JobId, type NodeId, type TaskKey } from "@drover/shared/domain/ids.ts";
import { gpuSharesOf } from "@drover/shared/domain/resources.ts";
import type { FleetEvent } from "@drover/shared/events.ts";
import {
  acknowledgedSubmissionsStay,
  NODE_INVARIANTS,
  secretsStayUnsaid,
  TASK_INVARIANTS,
} from "../invariants/invariants.ts";
import type {
  Acknowledgement,
  Execution,
  ObservedJob,
  ObservedOutput,
  ObservedTask,
} from "../invariants/observation.ts";
import type { Timeline } from "./world/timeline.ts";
import { SilenceWatch } from "./silence-watch.ts";
import type { Trace } from "./world/trace.ts";

/** So often the whole fleet is looked through; in between only what a turn has changed. */
const TURNS_PER_FULL_CHECK = 25;

/** Between what this watcher knows of who was heard when, and what the coordinator does. */
const MASS_MARGIN_MS = 15_000;

export interface Violation {
  invariant: string;
  what: string;
  step: number;
  atMs: number;
}

interface WatchedTask extends ObservedTask {
  states: string[];
  executions: Execution[];
  outputs: ObservedOutput[];
}

/**
 * Sees everything in true time: every commit, every start and end of a command, every byte written. Checks the
 * invariants on whatever a step has changed, at once, so that a violation is found in the step that made it.
 */
export class Observer {
  readonly acknowledgements: Acknowledgement[] = [];
  violation: Violation | null = null;
  readonly #timeline: Timeline;
  readonly #trace: Trace;
  readonly #secrets: readonly string[];
  readonly #readOutput: (attemptId: string) => string;
  readonly #givenUpAtMs: (nodeName: string) => number | null;
  readonly #isStopWanted: (attemptId: string) => boolean;
  readonly #tasks = new Map<TaskKey, WatchedTask>();
  readonly #written = new Map<string, string>();
  readonly #liveExecutions = new Map<string, Execution>();
  #turns = 0;
  /** Nodes whose disk may have lost what was not synced. */
  readonly #amnesiacs = new Set<string>();
  readonly #cancelRequested = new Set<number>();
  readonly #ended = new Set<string>();
  readonly #silences = new SilenceWatch();
  /** Nothing is ever broken: then nothing may be lost. */
  isCalm = false;
  /** How long a node must have been silent at the least before it is given up. */
  leastSilenceMs = 0;
  /** How long until the coordinator counts a node as away. */
  suspectAfterMs = 0;
  stopGraceMs = 0;
  /** Tasks that have not ended, as of the last commit. */
  liveTaskCount = 0;
  /** For whoever wants to look at each himself. */
  onEvent: (event: FleetEvent) => void = () => {};
  startedCount = 0;

  constructor(
    timeline: Timeline,
    trace: Trace,
    /** Texts that no line may hold. */
    secrets: readonly string[],
    readOutput: (attemptId: string) => string,
    /** When the coordinator will give a node up that it does not hear from again; `null` where it knows none. */
    givenUpAtMs: (nodeName: string) => number | null,
    /** Canceled, preempted, or over as far as the coordinator is concerned. */
    isStopWanted: (attemptId: string) => boolean,
  ) {
    this.#timeline = timeline;
    this.#trace = trace;
    this.#secrets = secrets;
    this.#readOutput = readOutput;
    this.#givenUpAtMs = givenUpAtMs;
    this.#isStopWanted = isStopWanted;
  }

  get taskCount(): number {
    return this.#tasks.size;
  }

  say(who: string, ...parts: (string | number | object | null)[]): void {
    this.#trace.say(who, ...parts);
  }

  fail(invariant: string, what: string): void {
    this.violation ??= { invariant, what, step: this.#timeline.stepCount, atMs: this.#timeline.nowMs };
  }

  onUncaught(who: string, error: unknown): void {
    this.fail("nothingThrows", `${who}: ${error instanceof Error ? error.stack : String(error)}`);
  }

  onLogLine(who: string, text: string, fields: object = {}): void {
    this.#trace.say(who, text, fields);
    if ("event" in fields && fields.event === "core.defect")
      this.fail("nothingThrows", `${text}: ${JSON.stringify(fields, errorText)}`);
    if (this.#secrets.length > 0)
      this.#report("secretsStayUnsaid", who, secretsStayUnsaid(this.#secrets, JSON.stringify(fields)));
  }

  /** What ran under it is dead when the grace is over, and must be before the coordinator gives it away. */
  onLeaseWritten(nodeName: string, endsAtMs: number): void {
    // Of an earlier boot, taken back.
    if (endsAtMs <= this.#timeline.nowMs) return;
    const givenUpAtMs = this.#givenUpAtMs(nodeName);
    const deadAtMs = endsAtMs + this.stopGraceMs * 1.01;
    if (givenUpAtMs !== null && deadAtMs > givenUpAtMs)
      this.fail(
        "leaseEndsFirst",
        `${nodeName} may run things for ${deadAtMs - givenUpAtMs} ms after they are given away`,
      );
  }

  onStoppedWithoutWord(attemptId: string): void {
    if (!this.#isStopWanted(attemptId))
      this.fail("signalsReachWhomTheyMean", `${attemptId} is told to stop, and nobody wanted it`);
  }

  onPowerCut(nodeName: string): void {
    this.#amnesiacs.add(nodeName);
  }

  onCoordinatorStarted(): void {
    this.#silences.onCoordinatorStarted();
  }

  onCoordinatorAwake(durationMs: number): void {
    this.#silences.pass(durationMs);
  }

  onGreeted(nodeName: string): void {
    this.#silences.onHello(nodeName);
  }

  onHeard(nodeName: string): void {
    this.#silences.onHeartbeat(nodeName);
  }

  onLaunchRead(attemptId: string, launch: string, bootId: string): void {
    if (!launch.includes(`\0${bootId}\0`))
      this.fail("nothingStartsFromAnEarlierBoot", `${attemptId} is about to start in ${bootId}`);
  }

  onStarted(nodeName: string, attemptId: string): void {
    this.startedCount++;
    if (this.#ended.has(attemptId)) this.fail("endedMeansGone", `${attemptId} starts on ${nodeName} after it ended`);
    const execution: Execution = { attemptId, nodeName, startedAtMs: this.#timeline.nowMs, endedAtMs: null };
    const task = this.#task(attemptId);
    task.executions.push(execution);
    this.#liveExecutions.set(attemptId, execution);
    this.#trace.say(nodeName, "starts", attemptId);
    this.#report("atMostOneExecution", attemptId, TASK_INVARIANTS.atMostOneExecution(task));
    this.#report("commandStartedAtMostOnce", attemptId, TASK_INVARIANTS.commandStartedAtMostOnce(task));
  }

  onEnded(attemptId: string): void {
    const execution = this.#liveExecutions.get(attemptId);
    if (!execution) return;
    execution.endedAtMs = this.#timeline.nowMs;
    this.#liveExecutions.delete(attemptId);
    this.#trace.say(execution.nodeName, "command is over", attemptId);
  }

  onWritten(attemptId: string, text: string): void {
    this.#written.set(attemptId, (this.#written.get(attemptId) ?? "") + text);
  }

  /** It was in the pipe of a supervisor that was killed: of a command that this ends nobody promises it. */
  onLostInPipe(attemptId: string, text: string): void {
    const written = this.#written.get(attemptId) ?? "";
    this.#written.set(attemptId, written.slice(0, written.length - text.length));
  }

  onAcknowledged(acknowledgement: Acknowledgement): void {
    this.acknowledgements.push(acknowledgement);
  }

  /** In the moment in which a turn becomes durable; the fleet is what the turn made of it. */
  onCommit(fleet: Fleet, events: readonly FleetEvent[]): void {
    const online = events.flatMap((event) => (event.event === "node.online" ? [event.nodeName] : []));
    this.#silences.onTurn(online);
    for (const event of events) this.#checkEvent(fleet, event);
    for (const { after } of fleet.tasks.changes()) {
      const task = this.#taskOf(taskKey(after.jobId, after.index));
      if (task.states.at(-1) !== after.state) task.states.push(after.state);
      this.#report("terminalStatesStay", `${after.jobId}.${after.index}`, TASK_INVARIANTS.terminalStatesStay(task));
    }
    const nodeIds = new Set<NodeId>();
    for (const { after } of fleet.attempts.changes()) {
      nodeIds.add(after.nodeId);
      if (after.state === "ended") this.#checkEnd(after);
    }
    for (const { after } of fleet.nodes.changes()) nodeIds.add(after.id);
    for (const nodeId of nodeIds) this.#checkPromises(fleet, nodeId);
    this.liveTaskCount = 0;
    for (const task of fleet.tasks.values())
      if (task.state === "queued" || task.state === "running") this.liveTaskCount++;
  }

  /** Behind a turn, when what ended in it has left the fleet. */
  onReleased(fleet: Fleet): void {
    if (++this.#turns % TURNS_PER_FULL_CHECK === 0) this.checkFleet(fleet);
  }

  /** A moment after a turn whose commit failed. */
  onTakenBack(fleet: Fleet): void {
    const { jobs, tasks, attempts, nodes, sessions, cooldowns, freezes } = fleet;
    const isInTurn = [jobs, tasks, attempts, nodes, sessions, cooldowns, freezes].some((table) => table.hasChanges);
    if (!isInTurn) this.checkFleet(fleet);
  }

  checkFleet(fleet: Fleet): void {
    this.#report("fleet", "", brokenInvariants(fleet));
  }

  /** When all is over: what was true once must still be. */
  checkAtTheEnd(jobs: readonly ObservedJob[]): void {
    this.#report("acknowledgedSubmissionsStay", "", acknowledgedSubmissionsStay(this.acknowledgements, jobs));
    for (const [key, task] of this.#tasks) {
      for (const output of task.outputs) output.stored = this.#readOutput(output.attemptId);
      for (const [name, check] of Object.entries(TASK_INVARIANTS)) this.#report(name, key, check(task));
    }
    for (const { attemptId, nodeName } of this.#liveExecutions.values())
      this.fail("holdsWhatItShould", `${attemptId} still runs on ${nodeName}`);
  }

  #checkEvent(fleet: Fleet, event: FleetEvent): void {
    this.onEvent(event);
    const { event: name, ...fields } = event;
    this.onLogLine("commit", name, fields);
    if (event.event === "node.online") this.#silences.onOnline(event.nodeName);
    if (event.event === "job.cancelRequested") this.#cancelRequested.add(event.jobId);
    if (event.event === "attempt.assigned" && this.#cancelRequested.has(event.jobId))
      this.fail("canceledJobsStartNothing", `${event.attemptId} was assigned after its job was canceled`);
    const node = "nodeId" in event ? fleet.nodes.get(event.nodeId as NodeId) : undefined;
    if (event.event === "attempt.assigned" && node?.admin !== "schedulable")
      this.fail(
        "cordonedNodesTakeNothing",
        `${event.attemptId} was given to ${event.nodeName}, which is ${node?.admin}`,
      );
    if (event.event !== "node.lost") return;
    if (node && this.#isMassSilence(fleet, node)) this.fail("frozenSitesLoseNothing", `${event.nodeName} was lost`);
    if (this.isCalm) this.fail("calmFleetsLoseNothing", `${event.nodeName} was lost`);
    const silentMs = this.#silences.longest(event.nodeName);
    if (silentMs < this.leastSilenceMs)
      this.fail(
        "lostOnlyAfterSilence",
        `${event.nodeName} was given up after ${silentMs} ms of ${this.leastSilenceMs}`,
      );
  }

  /** By what was really heard, and with a margin: half of a site or more, and two at the least, fell silent together. */
  #isMassSilence(fleet: Fleet, { id, site, goneSinceMs }: NodeRecord): boolean {
    if (goneSinceMs !== null) return false;
    const others = [...fleet.nodes.values()].filter((node) => node.site === site && node.goneSinceMs === null);
    const silences = others
      .filter((node) => node.link !== "lost" || node.id === id)
      .map(({ name }) => this.#silences.shortest(name));
    const away = silences.filter((silentMs) => silentMs > this.suspectAfterMs + MASS_MARGIN_MS).length;
    return away >= 2 && away > silences.length - away;
  }

  #checkEnd(attempt: AttemptRecord): void {
    const { id, outcome } = attempt;
    this.#checkOutput(attempt);
    // Of a node that is given up too: by then its lease, the grace and a margin are over.
    const nodeName = this.#liveExecutions.get(id)?.nodeName;
    if (nodeName) this.fail("endedMeansGone", `${id} ended and still runs on ${nodeName}`);
    if (outcome?.type !== "nodeLost") return;
    if (this.isCalm) this.fail("calmFleetsLoseNothing", `${id} ended as ${outcome.code}`);
    const executedOn = this.#task(id).executions.find(({ attemptId }) => attemptId === id)?.nodeName;
    if (outcome.code === "forgotten" && executedOn && !this.#amnesiacs.has(executedOn))
      this.fail("nothingIsForgotten", `${executedOn} forgot ${id} without a power cut`);
  }

  #checkOutput(attempt: AttemptRecord): void {
    const written = this.#written.get(attempt.id) ?? "";
    const isComplete = attempt.outcome?.type !== "nodeLost";
    const output = { attemptId: attempt.id, written, stored: this.#readOutput(attempt.id), isComplete };
    const task = this.#taskOf(taskKey(attempt.jobId, attempt.taskIndex));
    this.#ended.add(attempt.id);
    if (isComplete && attempt.outputBytes !== null && attempt.outputBytes !== output.stored.length)
      this.fail(
        "outputStoredOnceInOrder",
        `${attempt.id} states ${attempt.outputBytes} bytes, ${output.stored.length} are stored`,
      );
    if (written !== "") task.outputs.push(output);
    this.#report(
      "outputStoredOnceInOrder",
      attempt.id,
      TASK_INVARIANTS.outputStoredOnceInOrder({ ...task, outputs: [output] }),
    );
  }

  #checkPromises(fleet: Fleet, nodeId: NodeId): void {
    const node = fleet.nodes.get(nodeId);
    if (!node) return;
    const allocations = fleet.attemptsOn(nodeId).map(({ id, allocation }) => {
      const { cpuMilli, memoryBytes } = allocation;
      return { attemptId: id, cpuMilli, memoryBytes, gpuShares: gpuSharesOf(allocation) };
    });
    const observed = { name: node.name, capacity: node.capacity, allocations, settled: null };
    this.#report("nothingPromisedTwice", node.name, NODE_INVARIANTS.nothingPromisedTwice(observed));
  }

  #report(invariant: string, which: string, broken: readonly string[]): void {
    const [first] = broken;
    if (first !== undefined) this.fail(invariant, which === "" ? first : `${which}: ${first}`);
  }

  #task(attemptId: string): WatchedTask {
    const [jobId, index] = attemptId.split(".");
    return this.#taskOf(taskKey(Number(jobId) as JobId, Number(index)));
  }

  #taskOf(key: TaskKey): WatchedTask {
    let task = this.#tasks.get(key);
    if (!task) {
      const [jobId, index] = key.split(".").map(Number);
      task = { jobId: jobId ?? 0, index: index ?? 0, states: [], waitingReasons: [], executions: [], outputs: [] };
      this.#tasks.set(key, task);
    }
    return task;
  }
}

export function outputPath(attemptId: string): string {
  return `/coordinator/output/${attemptId.slice(0, attemptId.indexOf("."))}/${attemptId}.log`;
}

export function isAttemptId(id: string): id is AttemptId {
  return id.includes(".");
}

function errorText(_key: string, value: unknown): unknown {
  return value instanceof Error ? value.stack : value;
}
