import type { JobListQuery } from "@drover/shared/api/jobs.ts";
import type { JobId } from "@drover/shared/domain/ids.ts";
import type { JobState } from "@drover/shared/domain/job.ts";
import type { ModelFile, RevisionId } from "@drover/shared/domain/model.ts";
import type { ResourceRequest } from "@drover/shared/domain/resources.ts";
import type { AttemptRecord, JobRecord, JobSummaryRecord, TaskRecord } from "../core/records.ts";
import type { Database } from "./database.ts";
import { modelFile, type ModelFileRow } from "./model-rows.ts";
import {
  attemptRecord,
  jobRecord,
  taskRecord,
  type AttemptRow,
  type JobRow,
  type TaskRow,
  JOB_SUMMARY_COLUMNS,
  jobSummaryRecord,
  type JobSummaryRow,
} from "./rows.ts";

export interface EventRow {
  id: number;
  atMs: number;
  event: string;
  /** JSON of the event's fields. */
  fields: string;
}

/** What the API reads: live and finished alike, as of the last commit. */
export interface History {
  job(jobId: JobId): JobRecord | null;
  jobState(jobId: JobId): JobState | null;
  jobUnderKey(idempotencyKey: string): { jobId: JobId; requestSha256: string } | null;
  /** Newest first, ids below `beforeId`. */
  jobs(filter: Pick<JobListQuery, "state" | "name" | "label" | "limit">, beforeId: number): JobSummaryRecord[];
  task(jobId: JobId, index: number, request: ResourceRequest): TaskRecord | null;
  /** In order of their index, `fromIndex` included. */
  tasks(jobId: JobId, fromIndex: number, limit: number, request: ResourceRequest): TaskRecord[];
  attempt(jobId: JobId, taskIndex: number, number: number): AttemptRecord | null;
  attempts(jobId: JobId, fromTask: number, toTask: number): AttemptRecord[];
  /** In the order of their paths. */
  modelFiles(revisionId: RevisionId, from: number, limit: number): ModelFile[];
  hasModelFile(revisionId: RevisionId, path: string): boolean;
  events(afterId: number, limit: number): EventRow[];
  lastEventId(): number;
  jobCount(): number;
}

export function prepareHistory(database: Database): History {
  const job = database.prepare<[number], JobRow>("select * from jobs where id = ?");
  const jobState = database.prepare<[number], JobState>("select state from jobs where id = ?").pluck();
  const jobUnderKey = database.prepare<[string], { jobId: JobId; requestSha256: string }>(
    "select id as jobId, request_sha256 as requestSha256 from jobs where idempotency_key = ?",
  );
  const jobs = database.prepare<Record<string, unknown>, JobSummaryRow>(
    `select ${JOB_SUMMARY_COLUMNS.join(", ")} from jobs
     where id < @beforeId
       and (@state is null or state = @state)
       and (@name is null or name = @name)
       and (@labelKey is null or exists (
         select 1 from json_each(jobs.labels)
         where json_each.key = @labelKey and (@labelValue is null or json_each.value = @labelValue)))
     order by id desc limit @limit`,
  );
  const task = database.prepare<[number, number], TaskRow>("select * from tasks where job_id = ? and task_index = ?");
  const tasks = database.prepare<[number, number, number], TaskRow>(
    "select * from tasks where job_id = ? and task_index >= ? order by task_index limit ?",
  );
  const attempt = database.prepare<[number, number, number], AttemptRow>(
    "select * from attempts where job_id = ? and task_index = ? and number = ?",
  );
  const attempts = database.prepare<[number, number, number], AttemptRow>(
    "select * from attempts where job_id = ? and task_index between ? and ? order by task_index, number",
  );
  const modelFiles = database.prepare<[string, number, number], ModelFileRow>(
    "select path, size_bytes, hash from model_files where revision_id = ? order by path limit ? offset ?",
  );
  const modelFilePath = database
    .prepare<[string, string], string>("select path from model_files where revision_id = ? and path = ?")
    .pluck();
  const events = database.prepare<[number, number], EventRow>(
    "select id, at_ms as atMs, event, fields from events where id > ? order by id limit ?",
  );
  const lastEventId = database.prepare<[], number | null>("select max(id) from events").pluck();
  const jobCount = database.prepare<[], number>("select count(*) from jobs").pluck();

  return {
    job: (jobId) => map(job.get(jobId), jobRecord),
    jobState: (jobId) => jobState.get(jobId) ?? null,
    jobUnderKey: (key) => jobUnderKey.get(key) ?? null,
    jobs({ state, name, label, limit }, beforeId) {
      const [labelKey, ...labelValue] = label?.split("=") ?? [];
      const filter = {
        beforeId,
        state: state ?? null,
        name: name ?? null,
        labelKey: labelKey ?? null,
        labelValue: labelValue.length > 0 ? labelValue.join("=") : null,
        limit,
      };
      return jobs.all(filter).map(jobSummaryRecord);
    },
    task: (jobId, index, request) => map(task.get(jobId, index), (row) => taskRecord(row, request)),
    tasks: (jobId, fromIndex, limit, request) =>
      tasks.all(jobId, fromIndex, limit).map((row) => taskRecord(row, request)),
    attempt: (jobId, taskIndex, number) => map(attempt.get(jobId, taskIndex, number), attemptRecord),
    attempts: (jobId, fromTask, toTask) => attempts.all(jobId, fromTask, toTask).map(attemptRecord),
    modelFiles: (revisionId, from, limit) => modelFiles.all(revisionId, limit, from).map(modelFile),
    hasModelFile: (revisionId, path) => modelFilePath.get(revisionId, path) !== undefined,
    events: (afterId, limit) => events.all(afterId, limit),
    lastEventId: () => lastEventId.get() ?? 0,
    jobCount: () => jobCount.get() ?? 0,
  };
}

function map<Row, Result>(row: Row | undefined, convert: (row: Row) => Result): Result | null {
  return row === undefined ? null : convert(row);
}
