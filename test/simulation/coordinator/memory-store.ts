import type { Fleet, FleetSettings } from "@drover/coordinator/core/fleet.ts";
import type { JobRecord } from "@drover/coordinator/core/records.ts";
import { fleetOf, type DurationRow } from "@drover/coordinator/store/load-fleet.ts";
import {
  attemptRow,
  jobRow,
  taskRow,
  type AttemptRow,
  type JobRow,
  type TaskRow,
} from "@drover/coordinator/store/rows.ts";
import { nodeRow, type NodeRow } from "@drover/coordinator/store/node-row.ts";
import type { TurnStore, WrittenTurn } from "@drover/coordinator/store/store.ts";
import { taskKey, type JobId, type TaskKey } from "@drover/shared/domain/ids.ts";
import type { JobState } from "@drover/shared/domain/job.ts";
import { DroverError } from "@drover/shared/errors.ts";
import type { FleetEvent } from "@drover/shared/events.ts";
import type { Observer } from "../observer.ts";
import type { Process } from "../world/process.ts";

/** The tables of the database, which outlive every coordinator. Rows are the real ones, as SQLite would be given them. */
export class Tables {
  readonly nodes = new Map<string, NodeRow>();
  readonly jobs = new Map<number, JobRow>();
  readonly tasks = new Map<TaskKey, TaskRow>();
  readonly attempts = new Map<string, AttemptRow>();
  readonly #jobIdsByKey = new Map<string, number>();
  eventCount = 0;

  jobUnderKey(key: string): { jobId: JobId; requestSha256: string } | null {
    const row = this.jobs.get(this.#jobIdsByKey.get(key) ?? 0);
    return row ? { jobId: row.id as JobId, requestSha256: row.request_sha256 ?? "" } : null;
  }

  jobState(jobId: JobId): JobState | null {
    return (this.jobs.get(jobId)?.state ?? null) as JobState | null;
  }

  isStopWanted(attemptId: string): boolean {
    const row = this.attempts.get(attemptId);
    return row === undefined || row.stop_cause !== null || row.state === "ended";
  }

  insertJob(row: JobRow): void {
    this.jobs.set(row.id, row);
    if (row.idempotency_key !== null) this.#jobIdsByKey.set(row.idempotency_key, row.id);
  }

  updateJob({ id, state, cancelRequested, tasksByState, startedAtMs, endedAtMs }: JobRecord): void {
    const row = this.jobs.get(id) as JobRow;
    const times = { started_at_ms: startedAtMs, ended_at_ms: endedAtMs };
    this.jobs.set(id, { ...row, state, cancel_requested: Number(cancelRequested), ...tasksByState, ...times });
  }

  loadFleet(settings: FleetSettings): Fleet {
    const isHot = ({ job_id }: TaskRow) => this.jobs.get(job_id)?.ended_at_ms === null;
    const isLive = ({ state }: TaskRow) => state === "queued" || state === "staging" || state === "running";
    return fleetOf(
      {
        lastJobId: Math.max(0, ...this.jobs.keys()),
        nodes: this.nodes.values(),
        jobs: [...this.jobs.values()].filter((row) => row.ended_at_ms === null),
        tasks: [...this.tasks.values()].filter((row) => isHot(row) && isLive(row)),
        attempts: [...this.attempts.values()].filter((row) => row.state !== "ended"),
        models: [],
        revisions: [],
        durations: this.#durations(),
        placements: [],
      },
      settings,
    );
  }

  /** As the database finds them. */
  #durations(): DurationRow[] {
    const firsts = [...this.attempts.values()].filter(({ task_index, blame }) => task_index === 0 && blame === "none");
    return firsts
      .toSorted((a, b) => (a.ended_at_ms ?? 0) - (b.ended_at_ms ?? 0) || a.job_id - b.job_id)
      .flatMap(({ job_id, started_at_ms, ended_at_ms }) => {
        const job = this.jobs.get(job_id);
        if (job?.state !== "succeeded" || job.name === null || started_at_ms === null || ended_at_ms === null)
          return [];
        return [{ name: job.name, started_at_ms, ended_at_ms }];
      });
  }
}

/** What is wrong with the disk under the store; the faults change it. */
export interface StoreHealth {
  problem: "storage.full" | "storage.failed" | null;
  commitMs: number;
}

/** Commits as SQLite does: all of a turn or nothing of it, and what is committed stays. */
export class MemoryStore implements TurnStore {
  readonly #tables: Tables;
  readonly #process: Process;
  readonly #health: StoreHealth;
  readonly #observer: Observer;

  constructor(tables: Tables, process: Process, health: StoreHealth, observer: Observer) {
    this.#tables = tables;
    this.#process = process;
    this.#health = health;
    this.#observer = observer;
  }

  async commit(fleet: Fleet, events: readonly FleetEvent[]): Promise<WrittenTurn> {
    try {
      await this.#write();
    } catch (error) {
      this.#process.after(0, () => this.#observer.onTakenBack(fleet));
      throw error;
    }
    return this.#process.effect(() => {
      this.#apply(fleet);
      this.#observer.onCommit(fleet, events);
      return { events: events.map((event) => ({ id: ++this.#tables.eventCount, event })) };
    });
  }

  async probe(): Promise<void> {
    await this.#write();
  }

  async #write(): Promise<void> {
    const { commitMs } = this.#health;
    if (commitMs > 0) await new Promise<void>((resolve) => void this.#process.after(commitMs, resolve));
    const { problem } = this.#health;
    if (problem) throw new DroverError(problem, "The simulated disk does not take it.");
  }

  #apply(fleet: Fleet): void {
    for (const { after } of fleet.nodes.changes()) this.#tables.nodes.set(after.id, nodeRow(after));
    for (const { before, after } of fleet.jobs.changes()) {
      if (before) this.#tables.updateJob(after);
      else this.#tables.insertJob(jobRow(after));
    }
    for (const { after } of fleet.tasks.changes())
      this.#tables.tasks.set(taskKey(after.jobId, after.index), taskRow(after));
    for (const { after } of fleet.attempts.changes()) this.#tables.attempts.set(after.id, attemptRow(after));
  }
}
