import type { Clock } from "@drover/shared/clock.ts";
import type { RevisionId } from "@drover/shared/domain/model.ts";
import type { DesiredPlacement, PlacementReport } from "@drover/shared/domain/placement.ts";
import type { ModelAnswer, ModelQuery, PlacementReports } from "@drover/shared/protocol/messages.ts";
import type { Log } from "../log.ts";
import type { CacheLimits } from "./blob-store.ts";
import { ModelCache } from "./model-cache.ts";
import { Questions } from "./questions.ts";

export interface NodeModelsOptions {
  /** Where they are kept. */
  root: string;
  limits: CacheLimits;
  clock: Clock;
  log: Log;
  /** Says whether somebody is there. */
  send: (message: PlacementReports | ModelQuery) => boolean;
}

/** The models of this node, and what it says to the coordinator of them. */
export class NodeModels {
  readonly #cache: ModelCache;
  readonly #questions: Questions;
  readonly #options: NodeModelsOptions;
  #isFlushRequested = false;

  private constructor(options: NodeModelsOptions, questions: Questions, cache: ModelCache) {
    this.#options = options;
    this.#questions = questions;
    this.#cache = cache;
  }

  static async open(options: NodeModelsOptions): Promise<NodeModels> {
    const { root, limits, clock, log, send } = options;
    const questions = new Questions(send);
    // Nothing is due before the coordinator wants something.
    let onReportDue = (): void => {};
    const cache = await ModelCache.open(root, limits, {
      clock,
      log,
      askManifest: (revisionId) => questions.manifest(revisionId),
      askAddress: (revisionId, path) => questions.address(revisionId, path),
      onReportDue: () => onReportDue(),
    });
    const models = new NodeModels(options, questions, cache);
    onReportDue = () => models.#flushSoon();
    return models;
  }

  takeAllReports(): PlacementReport[] {
    return this.#cache.takeAllReports();
  }

  onDesired(desired: readonly DesiredPlacement[]): void {
    this.#cache.apply(desired);
    this.#cache.onConnected();
  }

  onAnswer(answer: ModelAnswer): void {
    this.#questions.onAnswer(answer);
  }

  onClosed(): void {
    this.#questions.onClosed();
  }

  pathOf(revisionId: RevisionId): string | null {
    return this.#cache.pathOf(revisionId);
  }

  get hubCachePath(): string {
    return this.#cache.hubCachePath;
  }

  stop(): void {
    this.#cache.stop();
  }

  /** What changes in one turn is one message; what nobody hears now is in the next hello. */
  #flushSoon(): void {
    if (this.#isFlushRequested) return;
    this.#isFlushRequested = true;
    this.#options.clock.callSoon(() => {
      this.#isFlushRequested = false;
      const reports = this.#cache.takeDueReports();
      if (reports.length > 0) this.#options.send({ type: "placements", reports });
    });
  }
}
