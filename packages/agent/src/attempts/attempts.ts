import { assertNever } from "@drover/shared/assert.ts";
import type { GpuDevice } from "@drover/shared/domain/gpu.ts";
import type { GpuLoad } from "@drover/shared/domain/gpu-load.ts";
import type { AttemptId } from "@drover/shared/domain/ids.ts";
import type { Assignment, AttemptReport, DesiredAttempt } from "@drover/shared/protocol/messages.ts";
import type { Notice } from "../runtime/notices.ts";
import type { Launch } from "../spool/launch-file.ts";
import { directoriesOf } from "./attempt-cgroups.ts";
import { NOTHING_TALLIED, tallyWith } from "./gpu-usage.ts";
import type { ExitRecord } from "../spool/records.ts";
import { Ledger } from "./ledger.ts";
import { Lifecycle, messageOf, type LifecyclePorts } from "./lifecycle.ts";
import { reportOfUnknown, type HeldAttempt } from "./report.ts";

/** How long a supervisor may take to claim its attempt before another one is asked for. */
const ASK_AGAIN_MS = 5_000;

export interface AttemptsPorts extends LifecyclePorts {
  bootId: string;
  composeLaunch: (assignment: Assignment, directory: string) => Launch;
  /** `takeDueReports` has something to give. */
  onReportDue(): void;
}

/** What this node holds, brought to what the coordinator says it should hold. */
export class Attempts {
  readonly #ports: AttemptsPorts;
  readonly #ledger: Ledger;
  readonly #lifecycle: Lifecycle;
  /** Held, and not yet read from the spool. */
  readonly #unread = new Set<AttemptId>();

  constructor(ports: AttemptsPorts) {
    this.#ports = ports;
    this.#ledger = new Ledger(
      (attemptId) => ports.shipper.acknowledgedBytes(attemptId),
      () => ports.onReportDue(),
    );
    this.#lifecycle = new Lifecycle(ports, this.#ledger);
  }

  /** Finds again what an earlier agent left in the spool. Once, before everything else. */
  adopt(): void {
    for (const attemptId of this.#ports.spool.list()) this.#tryToAdopt(attemptId);
  }

  /** Everything but these is stopped and dropped. */
  dropOthers(wanted: readonly AttemptId[]): void {
    const stays = new Set(wanted);
    for (const held of this.#ledger.all()) if (!stays.has(held.attemptId)) this.#lifecycle.drop(held);
  }

  /**
   * Something that was given away may still start here: its claim could neither be taken nor read. As long as this
   * is so, the lease must not be renewed.
   */
  hasLooseEnds(): boolean {
    return this.#ledger.all().some((held) => held.unwanted && held.exit === null && !held.isToldToStop);
  }

  apply(desired: readonly DesiredAttempt[]): void {
    for (const one of desired) this.#applyOne(one);
  }

  onNotice(notice: Notice): void {
    const held = this.#ledger.get(notice.attemptId);
    if (held === undefined || held.exit !== null) return;
    this.#orLater(held, () => this.#takeNotice(held, notice));
  }

  #takeNotice(held: HeldAttempt, notice: Notice): void {
    if (notice.type === "started") return this.#lifecycle.start(held, notice.pid, notice.startedAtMs);
    const exit = this.#ports.spool.readExit(notice.attemptId);
    if (exit === null) return;
    if (held.started === null) {
      held.claim ??= this.#ports.spool.readClaim(notice.attemptId);
      noteStart(held, exit);
    }
    this.#lifecycle.end(held, exit);
  }

  /** The launcher could not fork a supervisor for it. */
  onStartRefused(attemptId: AttemptId): void {
    const held = this.#ledger.get(attemptId);
    if (held === undefined || held.exit !== null) return;
    try {
      this.#lifecycle.endUnstarted(held, {
        type: "startFailed",
        code: "nodeOutOfResources",
        message: "the node cannot make another process",
      });
    } catch (error) {
      // The disk is full as well (simulation seed 40134): the sweep asks for a supervisor again.
      this.#ports.log("agent.attemptFailed", { attemptId, reason: `cannot end it unstarted: ${messageOf(error)}` });
    }
  }

  onOutputAcknowledged(attemptId: AttemptId): void {
    const held = this.#ledger.get(attemptId);
    if (held === undefined || held.exit === null) return;
    if (this.#ports.shipper.acknowledgedBytes(attemptId) >= held.exit.outputBytes) this.#ledger.reportDue(held);
  }

  /** Finds what no notice told: supervisors that died, and ends that were announced while nobody listened. */
  sweep(): void {
    for (const attemptId of this.#unread) this.#tryToAdopt(attemptId);
    for (const held of this.#ledger.all()) this.#orLater(held, () => this.#sweepOne(held));
    this.#lifecycle.finishRemovals();
  }

  /** What the GPUs of this machine do now: that is tallied to who holds them. */
  tallyGpus(gpus: readonly GpuDevice[], loads: readonly GpuLoad[]): void {
    const nowMs = this.#ports.clock.monotonicMs();
    for (const held of this.#ledger.all()) {
      if (held.gpus.length === 0 || held.started === null || held.exit !== null) continue;
      const sinceLastMs = nowMs - (held.talliedAtMonotonicMs ?? nowMs);
      held.talliedAtMonotonicMs = nowMs;
      const gpuIds = held.gpus.map(({ id }) => id);
      held.gpuTally = tallyWith(held.gpuTally, gpuIds, gpus, loads, sinceLastMs);
      this.#orLater(held, () => this.#ports.spool.writeGpuTally(held.attemptId, held.gpuTally));
    }
  }

  /** Of everything that is held, for a hello; what was due is contained in it. */
  takeAllReports(): AttemptReport[] {
    return this.#ledger.takeAllReports();
  }

  takeDueReports(): AttemptReport[] {
    return this.#ledger.takeDueReports();
  }

  /** By an attempt that runs, or has not left them yet. */
  heldGpuIds(): string[] {
    return this.#ledger.heldGpuIds();
  }

  count(): number {
    return this.#ledger.all().length;
  }

  /** What the disk does not let us see now the next sweep will. */
  #orLater({ attemptId }: HeldAttempt, look: () => void): void {
    try {
      look();
    } catch (error) {
      this.#ports.log("agent.attemptFailed", { attemptId, reason: `cannot look at it: ${messageOf(error)}` });
    }
  }

  /**
   * A disk that fails to read one directory must not keep the node from its other attempts, nor make it disown this
   * one, which may be running: it is held and reported as if nothing were known of it, and read again later.
   */
  #tryToAdopt(attemptId: AttemptId): void {
    try {
      this.#adoptOne(attemptId);
      this.#unread.delete(attemptId);
    } catch (error) {
      this.#ports.log("agent.attemptFailed", { attemptId, reason: `cannot adopt it yet: ${messageOf(error)}` });
      this.#unread.add(attemptId);
      if (this.#ledger.get(attemptId) === undefined) this.#ledger.add(newAttempt(attemptId));
    }
  }

  #applyOne(desired: DesiredAttempt): void {
    const held = this.#ledger.get(desired.attemptId);
    switch (desired.desired) {
      case "run":
        return held === undefined ? this.#run(desired.assignment) : this.#keep(held);
      case "keep":
        return held && this.#keep(held);
      case "stop":
        if (held !== undefined) return this.#lifecycle.stop(held, desired.cause);
        return this.#ledger.answer(reportOfUnknown(desired.attemptId, desired.cause, this.#ports.clock.nowMs()));
      case "forget":
        return held && this.#lifecycle.drop(held);
      default:
        return assertNever(desired);
    }
  }

  #run(assignment: Assignment): void {
    const { spool, log, composeLaunch } = this.#ports;
    const { attemptId } = assignment;
    const held = newAttempt(attemptId);
    this.#ledger.add(held);
    try {
      const launch = composeLaunch(assignment, spool.directoryOf(attemptId));
      held.cgroupDirectories = directoriesOf(launch.cgroups);
      held.gpus = launch.gpus;
      spool.add(launch, assignment.script);
    } catch (error) {
      // Not in the spool, so it can never start, and its end need not survive this agent.
      log("agent.attemptFailed", { attemptId, reason: `cannot spool it: ${messageOf(error)}` });
      this.#lifecycle.conclude(held, { type: "startFailed", code: "nodeOutOfResources", message: messageOf(error) });
      return;
    }
    this.#lifecycle.ask(held);
  }

  /** What an earlier agent spooled and nobody started starts only now that the coordinator still wants it here. */
  #keep(held: HeldAttempt): void {
    held.unwanted = false;
    if (held.exit !== null) return this.#ledger.reportDue(held);
    if (held.started !== null) return this.#ports.shipper.track(held.attemptId);
    if (held.claim !== null || held.askedAtMonotonicMs !== null) return;
    // What is unread may be of an earlier boot: the sweep asks, once it has been read.
    if (this.#unread.has(held.attemptId)) held.askedAtMonotonicMs = this.#ports.clock.monotonicMs();
    else this.#lifecycle.ask(held);
  }

  #adoptOne(attemptId: AttemptId): void {
    const { spool, shipper, bootId } = this.#ports;
    const unread = this.#ledger.get(attemptId);
    // Ended since, as far as it could be without reading it.
    if (unread && unread.exit !== null) return;
    const spooled = spool.read(attemptId);
    if (spooled === null) return unread ? this.#concludeUnspooled(unread) : this.#lifecycle.remove(attemptId);
    const held = unread ?? newAttempt(attemptId);
    held.cgroupDirectories = spooled.cgroupDirectories;
    held.gpus = spooled.gpus;
    held.gpuTally = spooled.gpuTally ?? NOTHING_TALLIED;
    held.claim = spooled.claim;
    held.stopCause ??= spooled.stopCause;
    noteStart(held, spooled.exit);
    this.#ledger.add(held);
    if (spooled.bootId !== bootId && !isWhole(spooled.exit, spool.outputBytes(attemptId))) {
      return this.#lifecycle.conclude(held, { type: "nodeLost", code: "rebooted" });
    }
    if (spooled.exit !== null) return this.#lifecycle.end(held, spooled.exit);
    if (held.started !== null) shipper.track(attemptId);
    // What the hello said of it was only that it is here.
    if (unread) this.#ledger.reportDue(held);
    this.#sweepOne(held);
  }

  /** Its launch was never whole, so it never started; but the coordinator was told that it is here. */
  #concludeUnspooled(held: HeldAttempt): void {
    const { stopCause } = held;
    const message = "the agent was interrupted before the attempt was in its spool";
    this.#lifecycle.conclude(
      held,
      stopCause ? { type: stopCause } : { type: "startFailed", code: "nodeOutOfResources", message },
    );
  }

  #sweepOne(held: HeldAttempt): void {
    if (held.exit !== null || this.#unread.has(held.attemptId)) return;
    held.claim ??= this.#ports.spool.readClaim(held.attemptId);
    const { claim, stopCause, askedAtMonotonicMs } = held;
    if (claim !== null) {
      // Alive first, exit record second: in the other order its end could fall between the two.
      if (!this.#ports.supervisors.isAlive(claim)) return this.#lifecycle.settleWithoutSupervisor(held);
      if (claim.commandPid > 0) this.#lifecycle.start(held, claim.commandPid, claim.startedAtMs);
      if (stopCause !== null) this.#lifecycle.tellToStop(held, claim);
      return;
    }
    if (stopCause !== null) return this.#lifecycle.stop(held, stopCause);
    if (askedAtMonotonicMs === null) return;
    if (this.#ports.clock.monotonicMs() - askedAtMonotonicMs >= ASK_AGAIN_MS) this.#lifecycle.ask(held);
  }
}

function newAttempt(attemptId: AttemptId): HeldAttempt {
  return {
    attemptId,
    cgroupDirectories: [],
    gpus: [],
    hasLeftGpus: false,
    gpuTally: NOTHING_TALLIED,
    talliedAtMonotonicMs: null,
    claim: null,
    started: null,
    stopCause: null,
    isToldToStop: false,
    exit: null,
    unwanted: false,
    askedAtMonotonicMs: null,
  };
}

/** From the claim, where its notice went by unheard. A claim whose command never ran is no start. */
function noteStart(held: HeldAttempt, exit: ExitRecord | null): void {
  if (held.claim === null || held.claim.commandPid === 0 || exit?.outcome.type === "startFailed") return;
  held.started = { pid: held.claim.commandPid, startedAtMs: held.claim.startedAtMs };
}

/** After a power loss an exit record may be there while the end of the output is not: then the try is lost. */
function isWhole(exit: ExitRecord | null, writtenBytes: number): boolean {
  return exit !== null && writtenBytes >= exit.outputBytes;
}
