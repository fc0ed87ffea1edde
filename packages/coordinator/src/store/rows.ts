import {
  AttemptOutcome,
  type AttemptState,
  type AttemptUsage,
  type Blame,
  type GpuUsage,
} from "@drover/shared/domain/attempt.ts";
import type { AttemptId, JobId, NodeId } from "@drover/shared/domain/ids.ts";
import { commandLineOf, taskCount, type JobSpec, type JobState } from "@drover/shared/domain/job.ts";
import type { ResourceRequest } from "@drover/shared/domain/resources.ts";
import type { Cause, TaskState } from "@drover/shared/domain/task.ts";
import type { AttemptRecord, JobRecord, JobSummaryRecord, StopCause, TaskRecord } from "../core/records.ts";

/** Without the spec and what only a repeated submission needs. */
export interface JobSummaryRow {
  id: number;
  name: string | null;
  state: string;
  cancel_requested: number;
  task_count: number;
  labels: string;
  command_line: string;
  queued: number;
  staging: number;
  running: number;
  succeeded: number;
  failed: number;
  canceled: number;
  submitted_at_ms: number;
  started_at_ms: number | null;
  ended_at_ms: number | null;
  submitted_by: string | null;
}

export interface JobRow extends JobSummaryRow {
  expected_ms: number | null;
  idempotency_key: string | null;
  request_sha256: string | null;
  spec: string;
}

export const JOB_SUMMARY_COLUMNS = [
  "id",
  "name",
  "state",
  "cancel_requested",
  "task_count",
  "labels",
  "command_line",
  "queued",
  "staging",
  "running",
  "succeeded",
  "failed",
  "canceled",
  "submitted_at_ms",
  "started_at_ms",
  "ended_at_ms",
  "submitted_by",
] as const satisfies readonly (keyof JobSummaryRow)[];

export function jobRow(job: JobRecord): JobRow {
  return {
    id: job.id,
    name: job.spec.name,
    state: job.state,
    cancel_requested: Number(job.cancelRequested),
    task_count: taskCount(job.spec),
    labels: JSON.stringify(job.spec.labels),
    command_line: commandLineOf(job.spec),
    ...job.tasksByState,
    submitted_at_ms: job.submittedAtMs,
    started_at_ms: job.startedAtMs,
    ended_at_ms: job.endedAtMs,
    submitted_by: job.submittedBy,
    expected_ms: job.expectedMs,
    idempotency_key: job.idempotency?.key ?? null,
    request_sha256: job.idempotency?.requestSha256 ?? null,
    spec: JSON.stringify(job.spec),
  };
}

export function jobSummaryRecord(row: JobSummaryRow): JobSummaryRecord {
  const { queued, staging, running, succeeded, failed, canceled } = row;
  return {
    id: row.id as JobId,
    name: row.name,
    state: row.state as JobState,
    cancelRequested: row.cancel_requested === 1,
    taskCount: row.task_count,
    labels: JSON.parse(row.labels) as Record<string, string>,
    commandLine: row.command_line,
    tasksByState: { queued, staging, running, succeeded, failed, canceled },
    submittedAtMs: row.submitted_at_ms,
    startedAtMs: row.started_at_ms,
    endedAtMs: row.ended_at_ms,
    submittedBy: row.submitted_by,
  };
}

export function jobRecord(row: JobRow): JobRecord {
  const {
    name: _name,
    taskCount: _taskCount,
    labels: _labels,
    commandLine: _commandLine,
    ...job
  } = jobSummaryRecord(row);
  return {
    ...job,
    // Written by this program from a parsed spec: parsing it again would only cost a restart its speed.
    spec: JSON.parse(row.spec) as JobSpec,
    expectedMs: row.expected_ms,
    idempotency:
      row.idempotency_key === null ? null : { key: row.idempotency_key, requestSha256: row.request_sha256 ?? "" },
  };
}

export interface TaskRow {
  job_id: number;
  task_index: number;
  state: string;
  cause: string;
  since_ms: number;
  attempt_number: number;
  live_attempt_id: string | null;
  user_failures: number;
  faultless_ends: number;
}

export function taskRow(task: TaskRecord): TaskRow {
  return {
    job_id: task.jobId,
    task_index: task.index,
    state: task.state,
    cause: task.cause,
    since_ms: task.sinceMs,
    attempt_number: task.attemptNumber,
    live_attempt_id: task.liveAttemptId,
    user_failures: task.userFailures,
    faultless_ends: task.faultlessEnds,
  };
}

export function taskRecord(row: TaskRow, request: ResourceRequest): TaskRecord {
  return {
    jobId: row.job_id as JobId,
    index: row.task_index,
    state: row.state as TaskState,
    cause: row.cause as Cause,
    sinceMs: row.since_ms,
    request,
    attemptNumber: row.attempt_number,
    liveAttemptId: row.live_attempt_id as AttemptId | null,
    userFailures: row.user_failures,
    faultlessEnds: row.faultless_ends,
  };
}

export interface AttemptRow {
  job_id: number;
  task_index: number;
  number: number;
  id: string;
  node_id: string;
  boot_id: string;
  state: string;
  stop_cause: string | null;
  cpu_milli: number;
  memory_bytes: number;
  gpu_ids: string;
  gpu_milli: number;
  pid: number | null;
  outcome: string | null;
  blame: string | null;
  output_bytes: number | null;
  cpu_ms: number | null;
  max_rss_bytes: number | null;
  memory_peak_bytes: number | null;
  memory_limit_bytes: number | null;
  gpu_usage: string | null;
  assigned_at_ms: number;
  started_at_ms: number | null;
  ended_at_ms: number | null;
}

export function attemptRow(attempt: AttemptRecord): AttemptRow {
  return {
    job_id: attempt.jobId,
    task_index: attempt.taskIndex,
    number: attempt.number,
    id: attempt.id,
    node_id: attempt.nodeId,
    boot_id: attempt.bootId,
    state: attempt.state,
    stop_cause: attempt.stopCause,
    cpu_milli: attempt.allocation.cpuMilli,
    memory_bytes: attempt.allocation.memoryBytes,
    gpu_ids: JSON.stringify(attempt.allocation.gpuIds),
    gpu_milli: attempt.allocation.gpuMilli,
    pid: attempt.pid,
    outcome: attempt.outcome && JSON.stringify(attempt.outcome),
    blame: attempt.blame,
    output_bytes: attempt.outputBytes,
    cpu_ms: attempt.usage?.cpuMs ?? null,
    max_rss_bytes: attempt.usage?.maxRssBytes ?? null,
    memory_peak_bytes: attempt.usage?.memoryPeakBytes ?? null,
    memory_limit_bytes: attempt.usage?.memoryLimitBytes ?? null,
    gpu_usage: attempt.usage?.gpus ? JSON.stringify(attempt.usage.gpus) : null,
    assigned_at_ms: attempt.assignedAtMs,
    started_at_ms: attempt.startedAtMs,
    ended_at_ms: attempt.endedAtMs,
  };
}

function usageOf(row: AttemptRow): AttemptUsage | null {
  if (row.cpu_ms === null) return null;
  return {
    cpuMs: row.cpu_ms,
    maxRssBytes: row.max_rss_bytes ?? 0,
    memoryPeakBytes: row.memory_peak_bytes,
    memoryLimitBytes: row.memory_limit_bytes,
    gpus: row.gpu_usage === null ? null : (JSON.parse(row.gpu_usage) as GpuUsage),
  };
}

export function attemptRecord(row: AttemptRow): AttemptRecord {
  return {
    id: row.id as AttemptId,
    jobId: row.job_id as JobId,
    taskIndex: row.task_index,
    number: row.number,
    nodeId: row.node_id as NodeId,
    bootId: row.boot_id,
    state: row.state as AttemptState,
    stopCause: row.stop_cause as StopCause | null,
    allocation: {
      cpuMilli: row.cpu_milli,
      memoryBytes: row.memory_bytes,
      gpuIds: JSON.parse(row.gpu_ids) as string[],
      gpuMilli: row.gpu_milli,
    },
    pid: row.pid,
    outcome: row.outcome === null ? null : AttemptOutcome.parse(JSON.parse(row.outcome)),
    blame: row.blame as Blame | null,
    outputBytes: row.output_bytes,
    usage: usageOf(row),
    assignedAtMs: row.assigned_at_ms,
    startedAtMs: row.started_at_ms,
    endedAtMs: row.ended_at_ms,
  };
}
