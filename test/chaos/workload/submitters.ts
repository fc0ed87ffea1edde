import { setTimeout as delay } from "node:timers/promises";
import type { DroverClient } from "@drover/shared/client/client.ts";
import type { Random } from "../../simulation/world/random.ts";
import type { Book } from "../book.ts";
import { drawJob, type PlannedJob, type WorkPlace } from "./jobs.ts";
import { inTime, isWorthRepeating } from "./patience.ts";

const SUBMITTERS = 4;
/** More than run at once, few enough to be gone soon after the end. */
const MAX_LIVE_JOBS = 24;
const RESUBMIT_CHANCE = 0.2;
/** Of the latest acknowledged jobs: some wait, some run, some have ended. */
const CANCELABLE = 20;

export interface SubmitterOptions {
  client: DroverClient;
  book: Book;
  random: Random;
  place: WorkPlace;
  /** Jobs that the coordinator has not ended, as last seen. */
  liveJobCount: () => number;
  /** Aborted, nothing new is asked for; what is asked for is seen through. */
  until: AbortSignal;
  /** Aborted, nothing at all is waited for. */
  giveUp: AbortSignal;
}

/** The run's users: they submit, with a key and again until they hear that it is accepted, and they cancel. */
export class Submitters {
  readonly #options: SubmitterOptions;
  readonly #jobs = new Map<string, PlannedJob>();

  constructor(options: SubmitterOptions) {
    this.#options = options;
  }

  /** All jobs that were ever asked for, by key. */
  get jobs(): ReadonlyMap<string, PlannedJob> {
    return this.#jobs;
  }

  /** Resolves when every submission that was begun is acknowledged. */
  async work(): Promise<void> {
    const submitters = Array.from({ length: SUBMITTERS }, (_, index) =>
      this.#submit(`s${index}`, this.#options.random.fork()),
    );
    await Promise.all([...submitters, this.#cancel(this.#options.random.fork())]);
  }

  async #submit(name: string, random: Random): Promise<void> {
    const { place, until, liveJobCount } = this.#options;
    for (let number = 1; !until.aborted; number++) {
      await this.#pause(random.between(100, 1_000));
      if (until.aborted || liveJobCount() > MAX_LIVE_JOBS) continue;
      const job = drawJob(random, `${name}-${number}`, place);
      this.#jobs.set(job.key, job);
      await this.#submitUntilAcknowledged(job);
      // A client that lost the answer, or was restarted itself.
      if (random.chance(RESUBMIT_CHANCE)) await this.#submitUntilAcknowledged(job);
    }
  }

  async #submitUntilAcknowledged(job: PlannedJob): Promise<void> {
    const { client, book } = this.#options;
    await this.#repeat(`the submission of ${job.key}`, async () => {
      const { life } = book;
      const { id } = await inTime(client.submitJob(job.submission, { idempotencyKey: job.key }));
      return book.acknowledge(job.key, id, life);
    });
  }

  async #cancel(random: Random): Promise<void> {
    const { client, book, until } = this.#options;
    while (!until.aborted) {
      await this.#pause(random.between(1_000, 4_000));
      const latest = book.acknowledged.slice(-CANCELABLE);
      if (latest.length === 0 || until.aborted) continue;
      const { key, jobId } = random.pick(latest);
      await this.#repeat(`the cancel of job ${jobId}`, async () => {
        const { life } = book;
        // Forgotten by a restore, and its number perhaps another job's now.
        if (!book.acknowledged.some((job) => job.jobId === jobId && job.key === key)) return true;
        const { cancelRequested } = await inTime(client.cancelJob(jobId));
        // What had ended before is not canceled.
        return !cancelRequested || book.acknowledgeCancel(key, jobId, life);
      });
    }
  }

  /** As a patient client does: until there is an answer that counts. */
  async #repeat(what: string, attempt: () => Promise<boolean>): Promise<void> {
    const { book, giveUp } = this.#options;
    while (!giveUp.aborted) {
      const { life } = book;
      try {
        if (await attempt()) return;
      } catch (error) {
        if (!isWorthRepeating(error) && life === book.life) {
          book.violations.push(`${what} was answered with ${String(error)}`);
          return;
        }
      }
      await delay(100);
    }
    book.violations.push(`${what} was never answered`);
  }

  async #pause(forMs: number): Promise<void> {
    await delay(forMs, undefined, { signal: this.#options.until }).catch(() => {});
  }
}
