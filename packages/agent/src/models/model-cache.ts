import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@drover/shared/clock.ts";
import type { ModelFile, RevisionId } from "@drover/shared/domain/model.ts";
import type { DesiredPlacement, PlacementReport } from "@drover/shared/domain/placement.ts";
import type { Log } from "../log.ts";
import { BlobStore, type CacheLimits } from "./blob-store.ts";
import type { FileAddress } from "./file-source.ts";
import { Holdings } from "./holdings.ts";
import { HubCache } from "./hub-cache.ts";
import { Placement } from "./placement.ts";

export interface ModelCachePorts {
  clock: Clock;
  log: Log;
  /** The coordinator is asked; rejects with a `PullProblem` while it cannot be. */
  askManifest(revisionId: RevisionId): Promise<ModelFile[]>;
  askAddress(revisionId: RevisionId, path: string): Promise<FileAddress>;
  /** `takeDueReports` has something to give. */
  onReportDue(): void;
}

const SWEEP_INTERVAL_MS = 60_000;

/** The models of this node: what is held, brought to what the coordinator says should be. */
export class ModelCache {
  readonly #ports: ModelCachePorts;
  readonly #cache: HubCache;
  readonly #holdings: Holdings;
  readonly #blobs: BlobStore;
  readonly #placements = new Map<RevisionId, Placement>();
  #cancelSweep: () => void = () => {};

  private constructor(root: string, limits: CacheLimits, ports: ModelCachePorts) {
    this.#ports = ports;
    this.#cache = new HubCache(join(root, "hub"));
    this.#holdings = new Holdings(join(root, "revisions"), this.#cache);
    this.#blobs = new BlobStore(this.#cache, this.#holdings, ports.clock, limits, () => this.#evictOne());
  }

  /** Finds again what is there, and whether it is as it was. */
  static async open(root: string, limits: CacheLimits, ports: ModelCachePorts): Promise<ModelCache> {
    const models = new ModelCache(root, limits, ports);
    await mkdir(models.#cache.root, { recursive: true });
    await models.#holdings.load();
    for (const holding of models.#holdings.all()) {
      const placement = models.#placementOf(holding.revisionId);
      if (await models.#holdings.isIntact(holding)) placement.isThere(holding);
    }
    models.#sweepLater();
    return models;
  }

  /** Where the Hub's libraries find all of it. */
  get hubCachePath(): string {
    return this.#cache.root;
  }

  /** All that should become of what this node has; of what is not named nothing becomes. */
  apply(desired: readonly DesiredPlacement[]): void {
    const named = new Set(desired.map(({ revisionId }) => revisionId));
    for (const [revisionId, placement] of this.#placements)
      if (!named.has(revisionId) && !placement.loseInterest()) this.#placements.delete(revisionId);
    for (const one of desired) this.#placementOf(one.revisionId).want(one);
  }

  /** What failed for want of a coordinator need not wait any longer. */
  onConnected(): void {
    for (const placement of this.#placements.values()) placement.onConnected();
  }

  /** Where a job finds it; `null` while it is not ready. */
  pathOf(revisionId: RevisionId): string | null {
    return this.#placements.get(revisionId)?.path ?? null;
  }

  takeAllReports(): PlacementReport[] {
    return [...this.#placements.values()].flatMap((placement) => placement.takeReport() ?? []);
  }

  takeDueReports(): PlacementReport[] {
    return [...this.#placements.values()]
      .filter(({ isReportDue }) => isReportDue)
      .flatMap((placement) => placement.takeReport() ?? []);
  }

  stop(): void {
    this.#cancelSweep();
    for (const placement of this.#placements.values()) placement.stop();
  }

  #placementOf(revisionId: RevisionId): Placement {
    let placement = this.#placements.get(revisionId);
    if (placement === undefined) {
      const { clock, log, onReportDue, askManifest, askAddress } = this.#ports;
      placement = new Placement(revisionId, {
        clock,
        log,
        cache: this.#cache,
        holdings: this.#holdings,
        blobs: this.#blobs,
        askManifest,
        askAddress,
        onReportDue,
      });
      this.#placements.set(revisionId, placement);
    }
    return placement;
  }

  /** A disk that was wiped, a file that was cut off, is noticed before a job meets it, as often as not. */
  #sweepLater(): void {
    this.#cancelSweep = this.#ports.clock.callAfter(SWEEP_INTERVAL_MS, () => {
      void this.sweep().finally(() => this.#sweepLater());
    });
  }

  async #evictOne(): Promise<boolean> {
    const evictable = [...this.#placements.values()].filter((placement) => placement.isEvictable);
    const [oldest] = evictable.toSorted((a, b) => a.lastHeldAtMs - b.lastHeldAtMs);
    return (await oldest?.leave()) ?? false;
  }

  async sweep(): Promise<void> {
    for (const placement of this.#placements.values()) await placement.look();
  }
}
