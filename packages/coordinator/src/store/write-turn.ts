import type { FleetEvent } from "@drover/shared/events.ts";
import type { Fleet } from "../core/fleet.ts";
import type { Database } from "./database.ts";
import { modelRow, placementRow, revisionRow } from "./model-rows.ts";
import { nodeRow } from "./node-row.ts";
import { attemptRow, JOB_SUMMARY_COLUMNS, jobRow, taskRow } from "./rows.ts";

const JOB_COLUMNS = [...JOB_SUMMARY_COLUMNS, "expected_ms", "idempotency_key", "request_sha256", "spec"];
const TASK_COLUMNS = [
  "job_id",
  "task_index",
  "state",
  "cause",
  "since_ms",
  "attempt_number",
  "live_attempt_id",
  "user_failures",
  "faultless_ends",
];
const ATTEMPT_COLUMNS = [
  "job_id",
  "task_index",
  "number",
  "id",
  "node_id",
  "boot_id",
  "state",
  "stop_cause",
  "cpu_milli",
  "memory_bytes",
  "gpu_ids",
  "gpu_milli",
  "pid",
  "outcome",
  "blame",
  "output_bytes",
  "cpu_ms",
  "max_rss_bytes",
  "memory_peak_bytes",
  "memory_limit_bytes",
  "gpu_usage",
  "assigned_at_ms",
  "started_at_ms",
  "ended_at_ms",
];
const NODE_COLUMNS = [
  "id",
  "name",
  "link",
  "link_since_ms",
  "admin",
  "agent_version",
  "boot_id",
  "capacity",
  "hardware",
  "lease_ms",
  "joined_at_ms",
  "health",
  "expected_hardware",
  "released_gpus",
  "machine_id",
  "site",
  "gone_since_ms",
  "admin_since_ms",
  "admin_actor",
  "admin_reason",
  "drain_deadline_ms",
  "labels",
];

const MODEL_COLUMNS = ["name", "reference", "include", "exclude", "revision_id", "added_at_ms", "added_by", "removed"];
const PLACEMENT_COLUMNS = [
  "node_id",
  "revision_id",
  "state",
  "pinned",
  "actor",
  "since_ms",
  "noted_at_ms",
  "bytes_done",
  "problem",
  "retry_at_ms",
];
const REVISION_COLUMNS = ["id", "source", "file_count", "size_bytes", "resolved_at_ms"];

/** A turn's events as stored, with the ids that the event stream gives them. */
export interface WrittenTurn {
  events: { id: number; event: FleetEvent }[];
}

/** Prepares the one transaction that makes a whole turn durable. */
export function prepareTurnWriter(
  database: Database,
  /** Goes into the same transaction. */
  writeAudit: () => void,
): (fleet: Fleet, events: readonly FleetEvent[], atMs: number) => WrittenTurn {
  const upsertNode = database.prepare(upsert("nodes", NODE_COLUMNS, ["id"]));
  const insertJob = database.prepare(insert("jobs", JOB_COLUMNS));
  // The spec never changes: the frequent update leaves that page of text alone.
  const updateJob = database.prepare(
    `update jobs set state = @state, cancel_requested = @cancel_requested, queued = @queued, staging = @staging,
       running = @running, succeeded = @succeeded, failed = @failed, canceled = @canceled,
       started_at_ms = @started_at_ms, ended_at_ms = @ended_at_ms where id = @id`,
  );
  const upsertTask = database.prepare(upsert("tasks", TASK_COLUMNS, ["job_id", "task_index"]));
  const upsertAttempt = database.prepare(upsert("attempts", ATTEMPT_COLUMNS, ["job_id", "task_index", "number"]));
  const upsertModel = database.prepare(upsert("models", MODEL_COLUMNS, ["name"]));
  const upsertRevision = database.prepare(upsert("model_revisions", REVISION_COLUMNS, ["id"]));
  const insertFile = database.prepare(
    "insert into model_files (revision_id, path, size_bytes, hash) values (?, ?, ?, ?)",
  );
  const upsertPlacement = database.prepare(upsert("placements", PLACEMENT_COLUMNS, ["node_id", "revision_id"]));
  const insertEvent = database.prepare("insert into events (at_ms, event, fields) values (?, ?, ?)");

  return database.transaction((fleet: Fleet, events: readonly FleetEvent[], atMs: number): WrittenTurn => {
    writeAudit();
    for (const { after } of fleet.nodes.changes()) upsertNode.run(nodeRow(after));
    for (const { before, after } of fleet.jobs.changes()) {
      if (before) {
        const { state, cancelRequested, tasksByState, startedAtMs, endedAtMs, id } = after;
        updateJob.run({
          id,
          state,
          cancel_requested: Number(cancelRequested),
          ...tasksByState,
          started_at_ms: startedAtMs,
          ended_at_ms: endedAtMs,
        });
      } else {
        insertJob.run(jobRow(after));
      }
    }
    for (const { after } of fleet.tasks.changes()) upsertTask.run(taskRow(after));
    for (const { after } of fleet.attempts.changes()) upsertAttempt.run(attemptRow(after));
    for (const { after } of fleet.revisions.changes()) upsertRevision.run(revisionRow(after));
    for (const { after } of fleet.manifests.changes())
      for (const { path, sizeBytes, hash } of after.files) insertFile.run(after.revisionId, path, sizeBytes, hash);
    for (const { after } of fleet.models.changes()) upsertModel.run(modelRow(after));
    for (const { after } of fleet.placements.changes()) upsertPlacement.run(placementRow(after));
    const written = events.map((event) => {
      const { event: name, ...fields } = event;
      const { lastInsertRowid } = insertEvent.run(atMs, name, JSON.stringify(fields));
      return { id: Number(lastInsertRowid), event };
    });
    return { events: written };
  });
}

function insert(table: string, columns: readonly string[]): string {
  return `insert into ${table} (${columns.join(", ")}) values (${columns.map((column) => `@${column}`).join(", ")})`;
}

function upsert(table: string, columns: readonly string[], key: readonly string[]): string {
  const updates = columns.filter((column) => !key.includes(column)).map((column) => `${column} = excluded.${column}`);
  return `${insert(table, columns)} on conflict (${key.join(", ")}) do update set ${updates.join(", ")}`;
}
