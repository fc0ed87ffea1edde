import type { AttemptId } from "@drover/shared/domain/ids.ts";
import type { AttemptReport } from "@drover/shared/protocol/messages.ts";
import { reportOf, type HeldAttempt } from "./report.ts";

/** The attempts that this node holds, and which of them have changed since they were last reported. */
export class Ledger {
  readonly #acknowledgedBytes: (attemptId: AttemptId) => number;
  readonly #onReportDue: () => void;
  readonly #heldById = new Map<AttemptId, HeldAttempt>();
  readonly #due = new Set<HeldAttempt>();
  /** Reports of attempts that are not held. */
  #answers: AttemptReport[] = [];

  constructor(acknowledgedBytes: (attemptId: AttemptId) => number, onReportDue: () => void) {
    this.#acknowledgedBytes = acknowledgedBytes;
    this.#onReportDue = onReportDue;
  }

  get(attemptId: AttemptId): HeldAttempt | undefined {
    return this.#heldById.get(attemptId);
  }

  all(): HeldAttempt[] {
    return [...this.#heldById.values()];
  }

  /** One of a GPU for each attempt that has not left it. */
  heldGpuIds(): string[] {
    return this.all().flatMap(({ gpus, hasLeftGpus }) => (hasLeftGpus ? [] : gpus.map(({ id }) => id)));
  }

  add(held: HeldAttempt): void {
    this.#heldById.set(held.attemptId, held);
  }

  remove(held: HeldAttempt): void {
    this.#heldById.delete(held.attemptId);
    this.#due.delete(held);
  }

  reportDue(held: HeldAttempt): void {
    if (held.unwanted) return;
    this.#due.add(held);
    this.#onReportDue();
  }

  answer(report: AttemptReport): void {
    this.#answers.push(report);
    this.#onReportDue();
  }

  takeAllReports(): AttemptReport[] {
    this.#due.clear();
    // They need no repeating: the welcome asks again.
    this.#answers = [];
    return this.all()
      .filter((held) => !held.unwanted)
      .map((held) => this.#reportOf(held));
  }

  takeDueReports(): AttemptReport[] {
    const reports = [...this.#answers, ...[...this.#due].map((held) => this.#reportOf(held))];
    this.#due.clear();
    this.#answers = [];
    return reports;
  }

  #reportOf(held: HeldAttempt): AttemptReport {
    return reportOf(held, this.#acknowledgedBytes(held.attemptId));
  }
}
