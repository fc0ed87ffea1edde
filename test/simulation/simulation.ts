import type { Dial } from "@drover/agent/link/socket.ts";
import { lostAfterMs, suspectAfterMs } from "@drover/coordinator/core/liveness.ts";
import { whyJobWaits } from "@drover/coordinator/core/why-waiting.ts";
import type { ObservedJob } from "../invariants/observation.ts";
import { CoordinatorHost } from "./coordinator/coordinator-host.ts";
import { destroy, healEverything, injectFaults, type FaultKind, type NodeRig, type World } from "./faults.ts";
import { HoldingsWatch } from "./holdings-watch.ts";
import { AgentHost } from "./node/agent-host.ts";
import { dialFrom } from "./node/dial.ts";
import { enrol } from "./node/enrol.ts";
import { NodeMachine } from "./node/node-machine.ts";
import { Observer, outputPath, type Violation } from "./observer.ts";
import { Operators } from "./operators.ts";
import { drawPlan, type Plan, type PlanLimits } from "./plan.ts";
import { Users } from "./users.ts";
import type { Process } from "./world/process.ts";
import { Random } from "./world/random.ts";
import { Timeline } from "./world/timeline.ts";
import { Trace } from "./world/trace.ts";

/** When nothing is broken any more, everything has ended by then, besides the time that the work itself takes. */
const LIVENESS_BOUND_MS = 20 * 60_000;
/** For the last reports, acknowledgements and removals. */
const SETTLE_MS = 60_000;
const AWAKE_STEP_MS = 500;
/** Stalls too short for the coordinator to notice, and what clocks may drift. */
const SILENCE_TOLERANCE_MS = 6_000;
/** More than the longest chain of promises in the product that no timer or I/O interrupts. */
const PROMISE_HOPS = 16;

export interface SimulationOptions extends PlanLimits {
  /** Instead of what the seed decides. */
  plan?: Partial<Plan>;
  /** Gets every line of what happens. */
  onLine?: (line: string) => void;
}

export interface SimulationResult {
  seed: number;
  violation: Violation | null;
  /** The last 50 lines of what happened. */
  lastLines: string[];
  steps: number;
  simulatedMs: number;
  faults: Partial<Record<FaultKind, number>>;
  taskCount: number;
  /** Commands that were started. */
  startCount: number;
}

/** A whole fleet from its first submission to the end of its last task, decided by one 32-bit number. */
export class Simulation {
  readonly seed: number;
  readonly plan: Plan;
  readonly timeline = new Timeline();
  readonly trace: Trace;
  readonly observer: Observer;
  readonly world: World;
  readonly users: Users;
  readonly #random: Random;
  readonly #faults: Partial<Record<FaultKind, number>> = {};

  constructor(seed: number, options: SimulationOptions = {}) {
    this.seed = seed;
    this.#random = new Random(seed);
    const random = this.#random;
    this.plan = { ...drawPlan(random.fork(), options), ...options.plan };
    this.trace = new Trace(() => this.timeline.nowMs, options.onLine ?? null);
    const secret = `secret-${seed}`;
    // Looking through every line is dear, and what says a secret says it under any seed.
    const secrets = seed % 8 === 0 ? [secret] : [];
    this.observer = new Observer(
      this.timeline,
      this.trace,
      secrets,
      (attemptId) => coordinator.disk.peek(outputPath(attemptId)) ?? "",
      (nodeName) => coordinator.givenUpAtMs(nodeName),
      (attemptId) => coordinator.tables.isStopWanted(attemptId),
    );
    const { faultsPerHour, destroyAtMs } = this.plan;
    const { settings } = this.plan.coordinator;
    const isFaultless = Object.values(faultsPerHour).every((rate) => rate === 0);
    this.observer.isCalm = isFaultless && destroyAtMs === null;
    this.observer.suspectAfterMs = suspectAfterMs(settings);
    this.observer.stopGraceMs = settings.stopGraceMs;
    this.observer.leastSilenceMs = lostAfterMs(settings) - SILENCE_TOLERANCE_MS;
    const coordinator = new CoordinatorHost(this.plan.coordinator, this.timeline, random.fork(), this.observer);
    const nodes = this.plan.nodes.map((node) => this.#rig(node, coordinator));
    for (const { machine } of nodes) enrol(machine, coordinator.enrolment);
    this.world = { nodes, coordinator, timeline: this.timeline, random: random.fork(), isHealed: false };
    const lasting = destroyAtMs === null ? this.plan.nodes : this.plan.nodes.slice(0, -1);
    const sizes = lasting.map((node) => node.size);
    this.users = new Users({
      coordinator,
      observer: this.observer,
      timeline: this.timeline,
      random: random.fork(),
      sizes,
      secret,
    });
  }

  /** Lets faults and users loose, then heals everything and waits for the end. */
  async run(): Promise<SimulationResult> {
    const { plan, observer, timeline, world, users } = this;
    this.trace.say("plan", plan);
    this.switchOn();
    users.submitTasks(plan.taskCount, plan.troubleMs);
    injectFaults(world, plan.faultsPerHour, plan.troubleMs, (kind, which) => {
      this.#faults[kind] = (this.#faults[kind] ?? 0) + 1;
      this.trace.say("fault", kind, which);
    });
    const operators = new Operators(world);
    operators.operate(plan.operationsPerHour, plan.troubleMs);
    this.#scheduleMishaps(operators);
    const watch = new HoldingsWatch(world, observer);
    await this.until(plan.troubleMs);
    if (observer.violation) return this.result();
    this.trace.say("fault", "everything heals");
    healEverything(world);
    users.cancelImpossible();
    operators.uncordonAll();
    const boundMs = timeline.nowMs + users.workMs + LIVENESS_BOUND_MS;
    const isOver = (): boolean => users.isSatisfied && observer.liveTaskCount === 0;
    do {
      await this.until(boundMs, isOver);
      // What somebody asked for and gave up may still arrive.
      await this.until(timeline.nowMs + SETTLE_MS);
    } while (!observer.violation && !isOver() && timeline.nowMs < boundMs);
    if (!isOver())
      observer.fail(
        "everyTaskEnds",
        `${observer.liveTaskCount} tasks have not ended long after all was well: ${this.#whatGoesOn()}`,
      );
    watch.stop();
    // Only a turn of the real event loop shows which promises nobody waits for.
    await new Promise<void>((resolve) => void setImmediate(resolve));
    if (!observer.violation) this.#checkAtTheEnd();
    return this.result();
  }

  #whatGoesOn(): string {
    const fleet = this.world.coordinator.control?.engine.fleet;
    if (!fleet) return "there is no coordinator";
    const attempts = [...fleet.attempts.values()].map(({ id, state, nodeId }) => `${id} is ${state} on ${nodeId}`);
    const jobs = [...fleet.jobs.values()].filter(({ tasksByState }) => tasksByState.queued > 0);
    return [...attempts, ...jobs.map((job) => `job ${job.id}: ${whyJobWaits(fleet, job, 0).message}`)].join("; ");
  }

  #scheduleMishaps(operators: Operators): void {
    const { plan, timeline, world } = this;
    if (plan.destroyAtMs !== null)
      timeline.after(plan.destroyAtMs, () => {
        const rig = world.nodes.at(-1);
        if (!rig) return;
        this.trace.say("fault", "destroyed for good", rig.machine.name);
        destroy(rig);
        operators.declareGone(rig);
      });
    if (plan.cloneAtMs !== null) timeline.after(plan.cloneAtMs, () => this.#clone(world.random.pick(world.nodes)));
  }

  /** Somebody copies a machine's disk to another one and starts it: the same node id on two machines. */
  #clone({ machine }: NodeRig): void {
    const options = this.plan.nodes.find(({ name }) => name === machine.name);
    const { isCloneTwin } = this.plan;
    // A copy of an agent that says no machine id cannot be told from the machine itself after a restart.
    if (!options || (options.protocolVersion === 1 && !isCloneTwin) || !machine.isUp) return;
    const machineId = isCloneTwin ? options.machineId : "machine-clone";
    const clone = { ...options, name: `${machine.name}-clone`, machineId };
    const rig = this.#rig(clone, this.world.coordinator);
    machine.disk.copyTo(rig.machine.disk);
    this.trace.say("fault", "cloned", machine.name);
    rig.machine.boot();
    rig.agent.start();
  }

  /** Counts the time in which the coordinator could hear something. */
  #watchCoordinator(): void {
    const { coordinator, timeline } = this.world;
    timeline.after(AWAKE_STEP_MS, () => {
      if (coordinator.control && coordinator.process?.isAsleep === false)
        this.observer.onCoordinatorAwake(AWAKE_STEP_MS);
      this.#watchCoordinator();
    });
  }

  switchOn(): void {
    const { plan, timeline, world } = this;
    this.#watchCoordinator();
    world.coordinator.start();
    for (const [index, rig] of world.nodes.entries()) {
      timeline.after(plan.bootAtMs[index] ?? 0, () => {
        if (rig.machine.isUp || rig.isDestroyed) return;
        rig.machine.boot();
        rig.agent.start();
      });
    }
  }

  /** Lets things happen until then, or until it is so, or until something is broken. */
  async until(untilMs: number, isSo: () => boolean = () => false): Promise<void> {
    while (!this.observer.violation && !isSo()) {
      if (!this.timeline.step(untilMs)) return;
      // What hangs on the promises that the step has settled is part of the step. A trip through the event loop would
      // say when all of it is done, and costs more than the step.
      for (let hop = 0; hop < PROMISE_HOPS; hop++) await Promise.resolve();
    }
  }

  result(): SimulationResult {
    return {
      seed: this.seed,
      violation: this.observer.violation,
      lastLines: this.observer.violation ? this.trace.lastLines() : [],
      steps: this.timeline.stepCount,
      simulatedMs: this.timeline.nowMs,
      faults: this.#faults,
      taskCount: this.observer.taskCount,
      startCount: this.observer.startedCount,
    };
  }

  #rig(options: Plan["nodes"][number], coordinator: CoordinatorHost): NodeRig {
    const machine = new NodeMachine(options, this.timeline, this.#random.fork(), this.observer);
    machine.path.latencyMs = this.plan.latencyMs;
    machine.disk.makeDirectory("/", true);
    const dial = (process: Process): Dial => dialFrom(machine, process, coordinator);
    return { machine, agent: new AgentHost(machine, dial), isDestroyed: false };
  }

  #checkAtTheEnd(): void {
    const { observer, world } = this;
    const jobs: ObservedJob[] = [...world.coordinator.tables.jobs.values()].map((row) => ({
      id: row.id,
      idempotencyKey: row.idempotency_key,
    }));
    observer.checkAtTheEnd(jobs);
    const fleet = world.coordinator.control?.engine.fleet;
    if (fleet) observer.checkFleet(fleet);
    for (const { machine } of world.nodes) {
      const left = machine.isUp ? machine.spooledAttemptIds() : [];
      if (left.length > 0) observer.fail("holdsWhatItShould", `${machine.name} still spools ${left.join(", ")}`);
    }
  }
}
