import { setTimeout as delay } from "node:timers/promises";
import type { JobDetail } from "@drover/shared/api/jobs.ts";
import type { Node } from "@drover/shared/api/nodes.ts";
import type { DroverClient } from "@drover/shared/client/client.ts";
import { NODE_INVARIANTS, TASK_INVARIANTS } from "../invariants/invariants.ts";
import type { ObservedNode } from "../invariants/observation.ts";
import type { Book } from "./book.ts";
import { inTime, isWorthRepeating } from "./workload/patience.ts";

const LOOK_EVERY_MS = 400;
const MAX_JOBS = 500;

/** Looks at the fleet all the time, through the API, at what must be true at any moment. */
export class Watcher {
  readonly #client: DroverClient;
  readonly #book: Book;
  #liveJobCount = 0;
  #lookCount = 0;

  constructor(client: DroverClient, book: Book) {
    this.#client = client;
    this.#book = book;
  }

  get liveJobCount(): number {
    return this.#liveJobCount;
  }

  /** How often it saw everything. */
  get lookCount(): number {
    return this.#lookCount;
  }

  async watch(until: AbortSignal): Promise<void> {
    while (!until.aborted) {
      const { life } = this.#book;
      try {
        await this.#look();
      } catch (error) {
        // The coordinator is often away, and what it knew when it was asked may be forgotten by a restore.
        if (!isWorthRepeating(error) && life === this.#book.life)
          this.#book.violations.push(`a look at the fleet was answered with ${String(error)}`);
      }
      await delay(LOOK_EVERY_MS, undefined, { signal: until }).catch(() => {});
    }
  }

  async #look(): Promise<void> {
    const client = this.#client;
    const { life } = this.#book;
    const live = [];
    for (const state of ["queued", "running"] as const)
      live.push(...(await inTime(client.listJobs({ state, limit: MAX_JOBS }))).jobs);
    this.#liveJobCount = live.length;
    for (const { id } of live) {
      const job = await inTime(client.getJob(id));
      this.#book.see(job, life);
      this.#judgeJob(job);
    }
    const { nodes } = await inTime(client.listNodes());
    for (const node of nodes) this.#judge(node.name, NODE_INVARIANTS.nothingPromisedTwice(observedNode(node)));
    this.#lookCount++;
  }

  #judgeJob({ id, tasks }: JobDetail): void {
    for (const { index, state, waitingReason } of tasks) {
      const waitingReasons = waitingReason ? [waitingReason.code] : [];
      const task = { jobId: id, index, states: [state], waitingReasons, executions: [], outputs: [] };
      this.#judge(`task ${id}.${index}`, TASK_INVARIANTS.waitsForOneReason(task));
    }
  }

  #judge(what: string, broken: readonly string[]): void {
    this.#book.violations.push(...broken.map((how) => `${what} at ${new Date().toISOString()}: ${how}`));
  }
}

/** One answer shows one moment; what single attempts hold would take many. */
function observedNode({ name, capacity, allocated }: Node): ObservedNode {
  return { name, capacity, allocations: [{ attemptId: "all of them", ...allocated }], settled: null };
}
