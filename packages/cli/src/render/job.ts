import type { Attempt, JobDetail, JobSummary, Task } from "@drover/shared/api/jobs.ts";
import { describeOutcome } from "@drover/shared/domain/attempt.ts";
import { formatResources } from "@drover/shared/domain/format-resources.ts";
import { DEFAULT_PRIORITY, type JobSpec } from "@drover/shared/domain/job.ts";
import { VALUE_VARIABLE, variablesOf, type Sweep } from "@drover/shared/domain/task-array.ts";
import type { WaitingReason } from "@drover/shared/domain/waiting-reason.ts";
import { formatBytes, formatDuration } from "@drover/shared/units.ts";
import { describeDependencies } from "./dependency.ts";
import { renderFields } from "./fields.ts";
import { renderTable, type Column } from "./table.ts";
import { formatAgo, formatElapsed } from "./time.ts";
import { usageColumns } from "./usage.ts";

export interface View {
  nowMs: number;
  /** Of the terminal; `null` where nothing must be cut. */
  width: number | null;
}

export function renderJobs(jobs: readonly JobSummary[], { nowMs, width }: View): string {
  const columns: Column<JobSummary>[] = [
    { title: "JOB", cell: (job) => String(job.id), alignRight: true },
    { title: "NAME", cell: (job) => job.name ?? "-", shrinkTo: 8 },
    { title: "STATE", cell: stateOf },
    { title: "ENDED", cell: (job) => `${endedTasks(job)}/${job.taskCount}`, alignRight: true },
    { title: "SUBMITTED", cell: (job) => formatAgo(job.submittedAt, nowMs), alignRight: true },
    { title: "TOOK", cell: (job) => formatElapsed(job.startedAt, job.endedAt, nowMs), alignRight: true },
    { title: "COMMAND", cell: (job) => job.commandLine, shrinkTo: 10 },
  ];
  return renderTable(columns, jobs, width);
}

/** A job, why it waits if it does, and its tasks. */
export function renderJob(job: JobDetail, view: View): string {
  const { spec } = job;
  const head = renderFields([
    ["job", `${job.id}${job.name === null ? "" : `  ${job.name}`}`],
    ["state", `${stateOf(job)}${job.taskCount > 1 ? ` (${countsOf(job)})` : ""}`],
    ["command", job.commandLine],
    ["directory", spec.workDir],
    ["each task", formatResources(spec.resources)],
    ["after", describeDependencies(job.dependencies)],
    ["priority", spec.priority === DEFAULT_PRIORITY ? null : String(spec.priority)],
    ["timeout", spec.timeoutMs === null ? null : formatDuration(spec.timeoutMs)],
    ["retries", spec.maxRetries === 0 ? null : String(spec.maxRetries)],
    ["labels", labelsOf(spec)],
    [
      "submitted",
      `${formatAgo(job.submittedAt, view.nowMs)}  ${job.submittedAt}${job.submittedBy === null ? "" : ` by ${job.submittedBy}`}`,
    ],
    ["took", job.startedAt === null ? null : formatElapsed(job.startedAt, job.endedAt, view.nowMs)],
  ]);
  const waiting = job.waiting === null ? "" : `\n${renderWaiting(job.waiting, spec)}`;
  const more =
    job.nextTask === null ? "" : `\nTasks from ${job.nextTask} on: drover job ${job.id} --from ${job.nextTask}\n`;
  return `${head}${waiting}\n${renderTasks(job.tasks, job.spec.sweep, view)}${more}`;
}

/** Why and what to do, which is one sentence of the coordinator, and what stands between the tasks and each node. */
export function renderWaiting(reason: WaitingReason, spec: JobSpec): string {
  const nodes = reason.nodes.map(
    (node) =>
      [`  ${node.nodeName}`, `${VERDICTS[node.verdict]}${missingOf({ ...spec.resources, ...node.missing })}`] as const,
  );
  return renderFields([["waits", reason.message], ...nodes]);
}

const VERDICTS = {
  tooSmall: "too small",
  lacksModel: "has not got its models yet",
  unavailable: "takes no work now",
  coolingDown: "pauses after failed starts",
  cordoned: "cordoned",
  draining: "draining",
  drained: "drained",
  kept: "kept for a task that comes first",
  busy: "busy",
} as const;

function missingOf(missing: JobSpec["resources"]): string {
  const text = formatResources(missing);
  return text === "nothing" ? "" : `: lacks ${text}`;
}

interface TaskLine {
  task: Task;
  /** `null` for a task without attempts. */
  attempt: Attempt | null;
  isLatest: boolean;
}

/** One line an attempt: what a task has gone through stands above where it is now. */
function renderTasks(tasks: readonly Task[], sweep: Sweep | null, { nowMs, width }: View): string {
  const lines = tasks.flatMap(linesOf);
  const columns: Column<TaskLine>[] = [
    { title: "TASK", cell: ({ task }) => String(task.index), alignRight: true },
    ...(sweep === null ? [] : [valuesColumn(sweep)]),
    { title: "STATE", cell: ({ task, isLatest }) => (isLatest ? task.state : "") },
    { title: "ATTEMPT", cell: ({ attempt }) => (attempt ? String(attempt.number) : "-"), alignRight: true },
    { title: "NODE", cell: ({ attempt }) => attempt?.nodeName ?? "-", shrinkTo: 8 },
    {
      title: "TOOK",
      cell: ({ attempt }) => formatElapsed(attempt?.startedAt ?? null, attempt?.endedAt ?? null, nowMs),
      alignRight: true,
    },
    ...usageColumns(lines, ({ attempt }) => attempt),
    { title: "OUTPUT", cell: ({ attempt }) => (attempt ? formatBytes(attempt.outputBytes) : "-"), alignRight: true },
    { title: "HOW", cell: howItIs, shrinkTo: 12 },
  ];
  return renderTable(columns, lines, width);
}

/** What tells the task from the others: `LR=0.1 SEED=2`, or its one value. */
function valuesColumn(sweep: Sweep): Column<TaskLine> {
  const cell = ({ task }: TaskLine) =>
    Object.entries(variablesOf(sweep, task.index))
      .map(([name, value]) => (name === VALUE_VARIABLE ? value : `${name}=${value}`))
      .join(" ");
  return { title: "VALUES", cell, shrinkTo: 8 };
}

function linesOf(task: Task): TaskLine[] {
  if (task.attempts.length === 0) return [{ task, attempt: null, isLatest: true }];
  return task.attempts.map((attempt, i) => ({ task, attempt, isLatest: i === task.attempts.length - 1 }));
}

function howItIs({ task, attempt }: TaskLine): string {
  if (attempt?.outcome) return `${describeOutcome(attempt.outcome)}${blameFor(attempt)}`;
  if (attempt) return attempt.unknown ? `${attempt.state} (unknown: its node does not answer)` : attempt.state;
  return task.waitingReason?.message ?? task.cause;
}

/** Where the outcome does not say it by itself: the program failed, and it was not its own fault. */
function blameFor({ outcome, blame }: Attempt): string {
  const ownEnd = outcome?.type === "exited" || outcome?.type === "signaled";
  return ownEnd && blame === "hardware" ? " (its GPU is broken)" : "";
}

function stateOf(job: JobSummary): string {
  return job.cancelRequested && job.endedAt === null ? `${job.state}, canceling` : job.state;
}

function endedTasks({ tasksByState: { succeeded, failed, canceled } }: JobSummary): number {
  return succeeded + failed + canceled;
}

function countsOf(job: JobSummary): string {
  return Object.entries(job.tasksByState)
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${count} ${state}`)
    .join(", ");
}

function labelsOf(spec: JobSpec): string | null {
  const labels = Object.entries(spec.labels).map(([key, value]) => (value === "" ? key : `${key}=${value}`));
  return labels.length > 0 ? labels.join(" ") : null;
}

/** As one would type it; of a script the first line that says something. */
