import { createHash } from "node:crypto";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { Job, JobDetail, JobDetailQuery, JobList, JobListQuery } from "@drover/shared/api/jobs.ts";
import { JobId } from "@drover/shared/domain/ids.ts";
import { JobSubmission, toJobSpec } from "@drover/shared/domain/job.ts";
import type { Clock } from "@drover/shared/clock.ts";
import { DroverError } from "@drover/shared/errors.ts";
import type { Caller } from "../../access/tokens.ts";
import type { JobRecord } from "../../core/records.ts";
import { whyJobWaits } from "../../core/why-waiting.ts";
import { requireResult, type Engine } from "../../engine/engine.ts";
import type { OutputStore } from "../../output/output-store.ts";
import type { History } from "../../store/read-history.ts";
import { callerOf } from "../gate.ts";
import { attemptView, dependenciesView, jobSummaryView, jobView, taskView } from "../views.ts";

export interface JobRoutesOptions {
  engine: Engine;
  history: History;
  outputs: OutputStore;
  clock: Clock;
}

const NEWEST = Number.MAX_SAFE_INTEGER;

export const JobParams = z.object({ id: z.coerce.number().pipe(JobId) });

export const jobRoutes: FastifyPluginAsyncZod<JobRoutesOptions> = async (app, options) => {
  const { engine, history } = options;
  app.post(
    "/v1/jobs",
    {
      schema: {
        summary: "Submit a job",
        description: "201 for a new job, 200 for one that the same Idempotency-Key made before. Durable when answered.",
        body: JobSubmission,
        headers: z.looseObject({ "idempotency-key": z.string().min(1).max(200).optional() }),
        response: { 200: Job, 201: Job },
      },
    },
    async (request, reply) => {
      const spec = toJobSpec(request.body);
      const key = request.headers["idempotency-key"];
      const idempotency = key === undefined ? null : { key, requestSha256: sha256(canonicalJson(request.body)) };
      const { jobId, created } = requireResult(
        await engine.command({ type: "submitJob", spec, actor: callerOf(request).name, idempotency }),
      );
      return reply
        .code(created ? 201 : 200)
        .header("location", `/v1/jobs/${jobId}`)
        .send(jobView(requireJob(engine, history, jobId), callerOf(request)));
    },
  );

  app.get(
    "/v1/jobs",
    { schema: { summary: "List jobs, newest first", querystring: JobListQuery, response: { 200: JobList } } },
    async (request) => {
      const { cursor, ...filter } = request.query;
      const beforeId = cursor === undefined ? NEWEST : parseCursor(cursor);
      const jobs = history.jobs({ ...filter, limit: filter.limit + 1 }, beforeId);
      const page = jobs.slice(0, filter.limit);
      const last = page.at(-1);
      return { jobs: page.map(jobSummaryView), nextCursor: jobs.length > page.length && last ? String(last.id) : null };
    },
  );

  app.get(
    "/v1/jobs/:id",
    {
      schema: {
        summary: "One job with its tasks and attempts",
        params: JobParams,
        querystring: JobDetailQuery,
        response: { 200: JobDetail },
      },
    },
    async (request) => jobDetail(options, request.params.id, request.query, callerOf(request)),
  );

  app.post(
    "/v1/jobs/:id/cancel",
    {
      schema: {
        summary: "Cancel a job",
        description: "What waits is canceled at once, what runs is stopped. Cancelling what has ended changes nothing.",
        params: JobParams,
        response: { 200: Job },
      },
    },
    async (request) => {
      const { id } = request.params;
      requireJob(engine, history, id);
      requireResult(await engine.command({ type: "cancelJob", jobId: id, actor: callerOf(request).name }));
      return jobView(requireJob(engine, history, id), callerOf(request));
    },
  );
};

function jobDetail(
  { engine, history, outputs, clock }: JobRoutesOptions,
  jobId: JobId,
  query: z.output<typeof JobDetailQuery>,
  reader: Caller,
): JobDetail {
  const job = requireJob(engine, history, jobId);
  const { fromTask, limit } = query;
  const waiting = job.tasksByState.queued > 0 ? whyJobWaits(engine.fleet, job, clock.nowMs()) : null;
  const tasks = history.tasks(job.id, fromTask, limit, job.spec.resources);
  const lastIndex = tasks.at(-1)?.index ?? fromTask;
  const attempts = history.attempts(job.id, fromTask, lastIndex);
  const attemptsOf = Map.groupBy(attempts, (attempt) => attempt.taskIndex);
  const nextTask = lastIndex + 1 < (job.spec.arraySize ?? 1) && tasks.length > 0 ? lastIndex + 1 : null;
  return {
    ...jobView(job, reader),
    dependencies: dependenciesView(job, (id) => engine.fleet.jobs.get(id)?.state ?? history.jobState(id)),
    waiting,
    tasks: tasks.map((task) =>
      taskView(
        task,
        task.state === "queued" ? waiting : null,
        (attemptsOf.get(task.index) ?? []).map((attempt) =>
          attemptView(attempt, engine.fleet, () => outputs.sizeOf(attempt.id)),
        ),
      ),
    ),
    nextTask,
  };
}

/** From memory while it is hot, else from the store. `job.notFound` */
export function requireJob(engine: Engine, history: History, jobId: JobId): JobRecord {
  const job = engine.fleet.jobs.get(jobId) ?? history.job(jobId);
  if (!job) throw new DroverError("job.notFound", `There is no job ${jobId}.`, { details: { jobId } });
  return job;
}

function parseCursor(cursor: string): number {
  const id = Number(cursor);
  if (!Number.isSafeInteger(id) || id < 1) {
    throw new DroverError("request.invalid", `cursor: "${cursor}" is no nextCursor of an earlier page`);
  }
  return id;
}

/** The same text for the same request, in whatever order its keys came. Only what was asked: no defaults, which may change. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
