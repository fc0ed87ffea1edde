import type { Clock } from "@drover/shared/clock.ts";
import type { AttemptOutcome } from "@drover/shared/domain/attempt.ts";
import type { AttemptId } from "@drover/shared/domain/ids.ts";
import type { Log } from "../log.ts";
import type { OutputShipper } from "../output/shipper.ts";
import type { Supervisors } from "../runtime/supervisors.ts";
import type { Claim, ExitRecord } from "../spool/records.ts";
import type { Spool, StopCause } from "../spool/spool.ts";
import { GpuGate, type GpuGatePorts } from "./gpu-gate.ts";
import { usageOf } from "./gpu-usage.ts";
import type { Ledger } from "./ledger.ts";
import type { HeldAttempt } from "./report.ts";

export interface LifecyclePorts {
  spool: Spool;
  supervisors: Supervisors;
  shipper: Pick<OutputShipper, "track" | "finish" | "drop" | "acknowledgedBytes">;
  clock: Clock;
  log: Log;
  /** The others are the attempts' own part. */
  gpus: Omit<GpuGatePorts, "clock" | "onLeft" | "killLeftovers" | "countHolders">;
}

/** The steps that one held attempt can take, each with what it does to the machine. */
export class Lifecycle {
  readonly #ports: LifecyclePorts;
  readonly #ledger: Ledger;
  /** Whose directories the launcher was asked to remove: it may have been unable to, or gone. */
  readonly #beingRemoved = new Set<AttemptId>();
  readonly #gate: GpuGate;

  constructor(ports: LifecyclePorts, ledger: Ledger) {
    this.#ports = ports;
    this.#ledger = ledger;
    this.#gate = new GpuGate({
      ...ports.gpus,
      clock: ports.clock,
      countHolders: (gpuId) => ledger.heldGpuIds().filter((id) => id === gpuId).length,
      killLeftovers: (held) => void ports.supervisors.killLeftovers(held),
      onLeft: (held) => {
        held.hasLeftGpus = true;
        ledger.reportDue(held);
      },
    });
  }

  /** Asks for a supervisor. Asking twice is harmless: only one of them can claim the attempt. */
  ask(held: HeldAttempt): void {
    held.askedAtMonotonicMs = this.#ports.clock.monotonicMs();
    this.#ports.supervisors.start(held.attemptId);
  }

  /** The command runs. */
  start(held: HeldAttempt, pid: number, startedAtMs: number): void {
    if (held.started !== null || held.exit !== null) return;
    held.started = { pid, startedAtMs };
    held.talliedAtMonotonicMs = this.#ports.clock.monotonicMs();
    this.#ports.log("agent.attemptStarted", { attemptId: held.attemptId, commandPid: pid });
    this.#ports.shipper.track(held.attemptId);
    this.#ledger.reportDue(held);
  }

  stop(held: HeldAttempt, cause: StopCause): void {
    if (held.exit !== null) return this.#ledger.reportDue(held);
    const { spool } = this.#ports;
    const isFirstRequest = held.stopCause === null;
    // Before anything that a full disk can prevent: the sweep goes on from here.
    held.stopCause ??= cause;
    const stopCause = held.stopCause;
    // The file only says why, and the coordinator knows that itself: without it too the attempt must be stopped.
    if (isFirstRequest) this.#try(held, "write down why it stops", () => spool.writeStop(held.attemptId, stopCause));
    if (this.#try(held, "end it unstarted", () => this.endUnstarted(held, { type: stopCause })) === true) return;
    const { claim } = held;
    if (claim !== null) this.#try(held, "tell its supervisor", () => this.tellToStop(held, claim));
    this.#ledger.reportDue(held);
  }

  tellToStop(held: HeldAttempt, claim: Claim): void {
    this.#ports.supervisors.stop(claim);
    held.isToldToStop = true;
  }

  /** What does not work now the next sweep does. */
  #try<T>({ attemptId }: HeldAttempt, what: string, act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      this.#ports.log("agent.attemptFailed", { attemptId, reason: `cannot ${what}: ${messageOf(error)}` });
      return undefined;
    }
  }

  /**
   * Ends an attempt that no supervisor has claimed; false where one has. Whoever takes the claim decides: we, and
   * the command never starts; or a supervisor, and then it must be told.
   */
  endUnstarted(held: HeldAttempt, outcome: AttemptOutcome): boolean {
    const { spool, clock } = this.#ports;
    held.claim ??= spool.readClaim(held.attemptId);
    if (held.claim === null && spool.claimForAgent(held.attemptId, clock.nowMs())) {
      this.conclude(held, outcome);
      return true;
    }
    held.claim ??= spool.readClaim(held.attemptId);
    return false;
  }

  /** Ends it with an outcome that no supervisor will write any more. */
  conclude(held: HeldAttempt, outcome: AttemptOutcome): void {
    const { spool, clock, log } = this.#ports;
    const outputBytes = spool.outputBytes(held.attemptId);
    const exit: ExitRecord = { outcome, endedAtMs: clock.nowMs(), outputBytes, usage: null };
    try {
      if (spool.has(held.attemptId)) spool.writeExit(held.attemptId, exit);
    } catch (error) {
      // A restarted agent comes to the same conclusion, so it is enough to know it for now.
      log("agent.attemptFailed", { attemptId: held.attemptId, reason: `cannot write its end: ${messageOf(error)}` });
    }
    this.end(held, exit);
  }

  /** Takes over the end that stands in the spool. */
  end(held: HeldAttempt, exit: ExitRecord): void {
    const { attemptId } = held;
    const { shipper, log } = this.#ports;
    const outputBytes = held.unwanted ? 0 : shipper.finish(attemptId, exit.outputBytes);
    const outcome = outcomeOf(held, exit);
    const usage = exit.usage && { ...exit.usage, gpus: usageOf(held.gpuTally) };
    held.exit = { ...exit, outcome, outputBytes, usage };
    log("agent.attemptEnded", { attemptId, outcome, outputBytes: exit.outputBytes });
    if (held.unwanted) return this.drop(held);
    if (held.gpus.length === 0 || neverRan(held)) held.hasLeftGpus = true;
    else this.#gate.enter(held);
    this.#ledger.reportDue(held);
  }

  /** Its supervisor is gone: it wrote an exit record just before, or something killed it. */
  settleWithoutSupervisor(held: HeldAttempt): void {
    const { spool, supervisors } = this.#ports;
    const exit = spool.readExit(held.attemptId);
    if (exit !== null) return this.end(held, exit);
    // Its end is told only when a look finds nothing of it any more: the next sweep looks again.
    if (supervisors.killLeftovers(held) > 0) return;
    // We took the claim ourselves, and were killed before we wrote down why.
    if (held.claim?.supervisorPid === 0 && held.stopCause !== null)
      return this.conclude(held, { type: held.stopCause });
    this.conclude(held, { type: "nodeLost", code: "supervisorLost" });
  }

  /** Drops it from the spool, at once or when it has ended, and says nothing more about it. */
  drop(held: HeldAttempt): void {
    held.unwanted = true;
    this.#ports.shipper.drop(held.attemptId);
    if (held.exit === null) return this.stop(held, "canceled");
    this.#gate.forget(held);
    this.#ledger.remove(held);
    this.remove(held.attemptId);
  }

  remove(attemptId: AttemptId): void {
    const { spool, supervisors } = this.#ports;
    if (spool.remove(attemptId)) {
      this.#beingRemoved.delete(attemptId);
      return;
    }
    // Where files of the task are in the way, removing may take long: not in this process.
    this.#beingRemoved.add(attemptId);
    supervisors.removeDirectory(attemptId);
  }

  /** Asks again for what was not removed since. */
  finishRemovals(): void {
    for (const attemptId of this.#beingRemoved) this.remove(attemptId);
  }
}

/** What was never started has left nothing behind. */
function neverRan({ started, claim }: HeldAttempt): boolean {
  return started === null && (claim?.commandPid ?? 0) === 0;
}

/** A supervisor that was stopped on a full disk could not read why: we know. */
function outcomeOf({ stopCause }: HeldAttempt, { outcome }: ExitRecord): AttemptOutcome {
  const isStoppedWithoutWord = outcome.type === "nodeLost" && outcome.code === "supervisorLost";
  return stopCause !== null && isStoppedWithoutWord ? { type: stopCause } : outcome;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
