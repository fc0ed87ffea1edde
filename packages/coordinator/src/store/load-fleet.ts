import { taskKey, type JobId } from "@drover/shared/domain/ids.ts";
import { Fleet, type FleetSettings } from "../core/fleet.ts";
import { placementKey } from "../core/placements.ts";
import type { Database } from "./database.ts";
import {
  modelRecord,
  placementRecord,
  revisionRecord,
  type ModelRow,
  type PlacementRow,
  type RevisionRow,
} from "./model-rows.ts";
import { nodeRecord, type NodeRow } from "./node-row.ts";
import { attemptRecord, jobRecord, taskRecord, type AttemptRow, type JobRow, type TaskRow } from "./rows.ts";

/** What the store holds of everything that is not history. */
export interface HotRows {
  lastJobId: number;
  /** In the order in which they joined. */
  nodes: Iterable<NodeRow>;
  /** In the order of their ids, as all that follows of them. */
  jobs: Iterable<JobRow>;
  tasks: Iterable<TaskRow>;
  attempts: Iterable<AttemptRow>;
  models: Iterable<ModelRow>;
  revisions: Iterable<RevisionRow>;
  /** How long the latest runs of named jobs took that succeeded, in the order of their ends. */
  durations: Iterable<DurationRow>;
  placements: Iterable<PlacementRow>;
}

/** Of a job's first task. */
export interface DurationRow {
  name: string;
  started_at_ms: number;
  ended_at_ms: number;
}

/** Jobs before these are too long ago to say how long the next takes. */
export const MAX_MEASURED_JOBS = 5000;

/** The fleet as it was at the last commit. */
export function fleetOf(rows: HotRows, settings: FleetSettings): Fleet {
  const fleet = new Fleet(settings, rows.lastJobId + 1);
  for (const { name, started_at_ms, ended_at_ms } of rows.durations)
    fleet.durations.learn(name, ended_at_ms - started_at_ms);
  for (const row of rows.nodes) {
    const node = nodeRecord(row);
    fleet.nodes.load(node.id, node);
  }
  for (const row of rows.jobs) {
    const job = jobRecord(row);
    fleet.jobs.load(job.id, job);
  }
  for (const row of rows.tasks) {
    const job = fleet.jobs.get(row.job_id as JobId);
    if (job) fleet.tasks.load(taskKey(job.id, row.task_index), taskRecord(row, job.spec.resources));
  }
  for (const row of rows.attempts) {
    const attempt = attemptRecord(row);
    fleet.attempts.load(attempt.id, attempt);
  }
  for (const row of rows.revisions) {
    const revision = revisionRecord(row);
    fleet.revisions.load(revision.id, revision);
  }
  for (const row of rows.models) fleet.models.load(row.name, modelRecord(row));
  for (const row of rows.placements) {
    const placement = placementRecord(row);
    fleet.placements.load(placementKey(placement.nodeId, placement.revisionId), placement);
  }
  return fleet;
}

export function loadFleet(database: Database, settings: FleetSettings): Fleet {
  const rows = <Row>(sql: string) => database.prepare<[], Row>(sql).iterate();
  const hotRows: HotRows = {
    lastJobId: database.prepare<[], number | null>("select max(id) from jobs").pluck().get() ?? 0,
    nodes: rows("select * from nodes order by joined_at_ms, id"),
    jobs: rows("select * from jobs where ended_at_ms is null order by id"),
    tasks: rows(
      `select tasks.* from jobs join tasks on tasks.job_id = jobs.id
       where jobs.ended_at_ms is null and tasks.state in ('queued', 'staging', 'running')
       order by tasks.job_id, tasks.task_index`,
    ),
    attempts: rows("select * from attempts where state <> 'ended'"),
    models: rows("select * from models where removed = 0 order by name"),
    revisions: rows("select * from model_revisions order by id"),
    // A restart must not wait for the whole history: the jobs are found by their ids, and one attempt of each by its key.
    durations: rows(
      `select jobs.name, attempts.started_at_ms, attempts.ended_at_ms from jobs
       join attempts on attempts.job_id = jobs.id and attempts.task_index = 0
       where jobs.id > (select coalesce(max(id), 0) from jobs) - ${MAX_MEASURED_JOBS}
         and jobs.name is not null and attempts.state = 'ended'
         and attempts.blame = 'none' and attempts.started_at_ms is not null
       order by attempts.ended_at_ms, jobs.id`,
    ),
    placements: rows("select * from placements where state <> 'gone' order by node_id, revision_id"),
  };
  return fleetOf(hotRows, settings);
}
