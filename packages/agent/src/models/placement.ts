import type { Clock } from "@drover/shared/clock.ts";
import { assertNever, invariant } from "@drover/shared/assert.ts";
import { checkPaths, type ModelFile, type RevisionId } from "@drover/shared/domain/model.ts";
import type { DesiredPlacement, PlacementReport } from "@drover/shared/domain/placement.ts";
import { MAX_RETRY_AFTER_MS } from "@drover/shared/domain/source-answers.ts";
import type { Log } from "../log.ts";
import type { BlobStore } from "./blob-store.ts";
import type { FileAddress } from "./file-source.ts";
import type { Holding, Holdings } from "./holdings.ts";
import type { HubCache } from "./hub-cache.ts";
import { ProgressMeter } from "./progress-meter.ts";
import { problemOf, PullProblem } from "./pull-problem.ts";
import { pullRevision } from "./pull-revision.ts";

export interface PlacementPorts {
  clock: Clock;
  log: Log;
  cache: HubCache;
  holdings: Holdings;
  blobs: BlobStore;
  askManifest(revisionId: RevisionId): Promise<ModelFile[]>;
  askAddress(revisionId: RevisionId, path: string): Promise<FileAddress>;
  onReportDue(): void;
}

const FIRST_BACKOFF_MS = 60_000;
const MAX_BACKOFF_MS = 60 * 60_000;
/** What nobody wants any more is still brought for so long: somebody may change their mind. */
const LINGER_MS = 5 * 60_000;
const UNWANTED = new Error("nobody wants it any more");

/** One revision on this node: single flight, whoever wants it and however often. */
export class Placement {
  readonly #revisionId: RevisionId;
  readonly #ports: PlacementPorts;
  readonly #meter: ProgressMeter;
  #desired: DesiredPlacement | null = null;
  #state: PlacementReport["state"] | "unknown" = "unknown";
  #holding: Holding | null = null;
  #problem: PlacementReport["problem"] = null;
  #retryAtMs: number | null = null;
  #failures = 0;
  #work: { kind: "pull" | "evict"; abort: AbortController; ended: Promise<void> } | null = null;
  #isStopped = false;
  #isHeld = false;
  /** When the coordinator last wanted it here. */
  lastHeldAtMs: number;
  #cancelRetry: () => void = () => {};
  #cancelLinger: () => void = () => {};
  isReportDue = false;

  constructor(revisionId: RevisionId, ports: PlacementPorts) {
    this.#revisionId = revisionId;
    this.#ports = ports;
    this.lastHeldAtMs = ports.clock.nowMs();
    this.#meter = new ProgressMeter(ports.clock, () => this.#reportSoon());
  }

  /** Found on the disk, whole. */
  isThere(holding: Holding): void {
    this.#holding = holding;
    this.#meter.setDone(sizeOf(holding));
    this.#state = "ready";
  }

  get path(): string | null {
    return this.#isReady && this.#holding ? this.#ports.cache.snapshotPath(this.#holding.source) : null;
  }

  /** What is about to be removed is not, from the moment at which that was decided. */
  get #isReady(): boolean {
    return this.#state === "ready" && this.#work?.kind !== "evict";
  }

  want(desired: DesiredPlacement): void {
    this.#desired = desired;
    switch (desired.desired) {
      case "hold":
        return this.#hold(desired);
      case "cache":
        return this.#release();
      case "evict":
        if (this.#state !== "gone") this.#startEvicting();
        return;
      default:
        return assertNever(desired.desired);
    }
  }

  /** The coordinator does not name it. False where nothing is left to keep an eye on. */
  loseInterest(): boolean {
    this.#release();
    this.#desired = null;
    if (this.#isReady || this.#work !== null) return true;
    this.#cancelRetry();
    this.#state = "unknown";
    // What a pull that failed has left takes room, and leaves when that is needed.
    if (this.#ports.holdings.get(this.#revisionId)) return true;
    // Nobody looks after its timers any more.
    this.stop();
    return false;
  }

  /** May leave where something else needs the room: ready, or what a pull has left that nobody wants to go on. */
  get isEvictable(): boolean {
    return !this.#isHeld && this.#work === null && this.#ports.holdings.get(this.#revisionId) !== undefined;
  }

  /** To make room: it leaves as if it had been told to. Says whether it did. */
  async leave(): Promise<boolean> {
    this.#startEvicting();
    await this.#work?.ended;
    return this.#ports.holdings.get(this.#revisionId) === undefined;
  }

  #hold(desired: DesiredPlacement): void {
    this.#isHeld = true;
    this.lastHeldAtMs = this.#ports.clock.nowMs();
    this.#cancelLinger();
    if (this.#isReady) return this.#reportSoon();
    // Whatever is being ended looks at its end whether this is still wanted.
    if (this.#state !== "failed" && this.#work === null) this.#start("pull", (signal) => this.#pull(desired, signal));
  }

  /** In place of a pull that goes on. */
  #startEvicting(): void {
    if (this.#work?.kind === "evict") return;
    this.#work?.abort.abort();
    this.#start("evict", () => this.#evict());
  }

  #release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.lastHeldAtMs = this.#ports.clock.nowMs();
    this.#cancelRetry();
    if (this.#work !== null)
      this.#cancelLinger = this.#ports.clock.callAfter(LINGER_MS, () => this.#work?.abort.abort(UNWANTED));
  }

  onConnected(): void {
    if (this.#state === "failed" && this.#problem?.code === "noManifest") this.#tryAgain();
  }

  /** Whether what was ready still is. */
  async look(): Promise<void> {
    const holding = this.#holding;
    if (!this.#isReady || holding === null) return;
    if (await this.#ports.holdings.isIntact(holding)) return;
    if (!this.#isReady || this.#holding !== holding) return;
    this.#ports.log("agent.modelDamaged", { revisionId: this.#revisionId });
    this.#move("pulling");
    this.#meter.setDone(0);
    this.#holding = null;
    if (this.#desired !== null && this.#isHeld) this.want(this.#desired);
  }

  takeReport(): PlacementReport | null {
    this.isReportDue = false;
    if (this.#state === "unknown" || (this.#state === "ready" && !this.#isReady)) return null;
    return {
      revisionId: this.#revisionId,
      state: this.#state,
      bytesDone: this.#meter.doneBytes,
      bytesPerSecond: this.#state === "pulling" ? this.#meter.bytesPerSecond() : 0,
      problem: this.#problem,
      retryAtMs: this.#retryAtMs,
    };
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelRetry();
    this.#cancelLinger();
    this.#meter.stop();
    this.#work?.abort.abort();
  }

  /** As soon as what goes on has ended. */
  #start(kind: "pull" | "evict", work: (signal: AbortSignal) => Promise<void>): void {
    this.#cancelRetry();
    const earlier = this.#work?.ended ?? Promise.resolve();
    const abort = new AbortController();
    const ended = earlier.then(async () => {
      if (!abort.signal.aborted) await work(abort.signal).catch((error: unknown) => this.#fail(error, abort.signal));
      this.#meter.stop();
      if (this.#work?.abort !== abort) return;
      this.#work = null;
      this.#wantAgain();
    });
    this.#work = { kind, abort, ended };
  }

  /** It was wanted while it was being removed or given up. */
  #wantAgain(): void {
    const isThereNothing = this.#state === "gone" || this.#state === "unknown";
    if (isThereNothing && this.#isHeld && this.#desired !== null && !this.#isStopped) this.want(this.#desired);
  }

  async #pull(desired: DesiredPlacement, signal: AbortSignal): Promise<void> {
    const { cache, holdings, blobs, log } = this.#ports;
    this.#move("pulling");
    this.#meter.start(0);
    const holding = await this.#knownHolding(desired);
    const { source } = desired;
    const findAddress = ({ path }: ModelFile): Promise<FileAddress> =>
      desired.endpoint === null
        ? this.#ports.askAddress(this.#revisionId, path)
        : Promise.resolve({ url: resolveAddress(desired.endpoint, source.repository, source.commit, path) });
    const onProgress = (bytes: number): void => this.#meter.add(bytes);
    await pullRevision({ holding, cache, holdings, blobs, findAddress, signal, onProgress });
    const held = holdings.get(this.#revisionId);
    invariant(held, "what was brought is held");
    this.isThere(held);
    this.#failures = 0;
    log("agent.modelReady", { revisionId: this.#revisionId, sizeBytes: sizeOf(held) });
    this.#move("ready");
  }

  /** The manifest is kept: what was begun goes on without the coordinator. */
  async #knownHolding({ source }: DesiredPlacement): Promise<Holding> {
    const known = this.#ports.holdings.get(this.#revisionId);
    // The same bytes; by which branch they were named may be another.
    if (known) return { ...known, source };
    const files = await this.#ports.askManifest(this.#revisionId);
    // The coordinator has looked at them too. It is this disk that they would be written to.
    const { repository, revision } = source;
    const problem = checkPaths([repository]) ?? checkPaths([revision]) ?? checkPaths(files.map(({ path }) => path));
    if (problem !== null) throw new PullProblem("badManifest", problem);
    const holding = { revisionId: this.#revisionId, source, files, verifiedAtMtimeMs: null };
    await this.#ports.holdings.put(holding);
    return holding;
  }

  async #evict(): Promise<void> {
    const { cache, holdings, blobs, log } = this.#ports;
    const holding = holdings.get(this.#revisionId);
    this.#holding = null;
    this.#state = "unknown";
    if (holding) {
      const others = holdings.all().filter(({ revisionId }) => revisionId !== this.#revisionId);
      await holdings.put({ ...holding, verifiedAtMtimeMs: null });
      await cache.remove(holding, others);
      await blobs.dropPartials(holding);
      await holdings.remove(this.#revisionId);
      log("agent.modelEvicted", { revisionId: this.#revisionId });
    }
    this.#meter.setDone(0);
    this.#move("gone");
  }

  async #fail(error: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) {
      this.#state = "unknown";
      const holding = this.#ports.holdings.get(this.#revisionId);
      if (signal.reason === UNWANTED && holding) await this.#ports.blobs.dropPartials(holding).catch(() => {});
      return;
    }
    const { code, message, retryAfterMs } = problemOf(error);
    const backoffMs = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** this.#failures++);
    const waitMs = Math.max(backoffMs, Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS));
    this.#problem = { code, message: message.slice(0, 1000) };
    this.#retryAtMs = Math.round(this.#ports.clock.nowMs() + waitMs);
    this.#cancelRetry = this.#ports.clock.callAfter(waitMs, () => this.#tryAgain());
    this.#ports.log("agent.modelFailed", { revisionId: this.#revisionId, code, reason: message, retryInMs: waitMs });
    this.#move("failed", { keepsProblem: true });
  }

  #tryAgain(): void {
    this.#cancelRetry();
    this.#state = "unknown";
    if (this.#desired !== null) this.want(this.#desired);
  }

  #move(state: PlacementReport["state"], { keepsProblem = false } = {}): void {
    if (!keepsProblem) {
      this.#problem = null;
      this.#retryAtMs = null;
    }
    this.#state = state;
    this.#reportSoon();
  }

  #reportSoon(): void {
    this.isReportDue = true;
    this.#ports.onReportDue();
  }
}

function sizeOf({ files }: Holding): number {
  return [...new Map(files.map(({ hash, sizeBytes }) => [hash, sizeBytes])).values()].reduce((sum, n) => sum + n, 0);
}

/** Where the Hub gives a file out. */
function resolveAddress(endpoint: string, repository: string, commit: string, path: string): string {
  return `${endpoint}/${repository}/resolve/${commit}/${path.split("/").map(encodeURIComponent).join("/")}`;
}
