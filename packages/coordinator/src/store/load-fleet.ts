import { taskKey, type JobId } from "@drover/shared/domain/ids.ts";
import { Fleet, type FleetSettings } from "../core/fleet.ts";
import type { Database } from "./database.ts";
import { nodeRecord, type NodeRow } from "./node-row.ts";
import { attemptRecord, jobRecord, taskRecord, type AttemptRow, type JobRow, type TaskRow } from "./rows.ts";

/** Everything that is not history, as it was at the last commit. */
export function loadFleet(database: Database, settings: FleetSettings): Fleet {
  const lastJobId = database.prepare("select max(id) from jobs").pluck().get() as number | null;
  const fleet = new Fleet(settings, (lastJobId ?? 0) + 1);
  for (const row of database.prepare("select * from nodes order by joined_at_ms, id").iterate() as Iterable<NodeRow>) {
    const node = nodeRecord(row);
    fleet.nodes.load(node.id, node);
  }
  for (const row of database
    .prepare("select * from jobs where ended_at_ms is null order by id")
    .iterate() as Iterable<JobRow>) {
    const job = jobRecord(row);
    fleet.jobs.load(job.id, job);
  }
  const liveTasks = database.prepare(
    `select tasks.* from jobs join tasks on tasks.job_id = jobs.id
     where jobs.ended_at_ms is null and tasks.state in ('queued', 'staging', 'running')
     order by tasks.job_id, tasks.task_index`,
  );
  for (const row of liveTasks.iterate() as Iterable<TaskRow>) {
    const job = fleet.jobs.get(row.job_id as JobId);
    if (job) fleet.tasks.load(taskKey(job.id, row.task_index), taskRecord(row, job.spec.resources));
  }
  for (const row of database
    .prepare("select * from attempts where state <> 'ended'")
    .iterate() as Iterable<AttemptRow>) {
    const attempt = attemptRecord(row);
    fleet.attempts.load(attempt.id, attempt);
  }
  return fleet;
}
