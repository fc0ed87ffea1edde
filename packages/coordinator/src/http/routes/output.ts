import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Logger } from "pino";
import { z } from "zod";
import { ATTEMPT_HEADER, OutputQuery } from "@drover/shared/api/jobs.ts";
import { taskKey, type TaskKey } from "@drover/shared/domain/ids.ts";
import { DroverError } from "@drover/shared/errors.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Signals } from "../../engine/signals.ts";
import type { OutputStore } from "../../output/output-store.ts";
import type { History } from "../../store/read-history.ts";
import { OutputReader } from "../output-reader.ts";
import { JobParams, requireJob } from "./jobs.ts";

export interface OutputRoutesOptions {
  engine: Engine;
  history: History;
  outputs: OutputStore;
  taskSignals: Signals<TaskKey>;
  log: Logger;
}

export const outputRoutes: FastifyPluginAsyncZod<OutputRoutesOptions> = async (app, options) => {
  const { engine, history, outputs, taskSignals, log } = options;
  app.get(
    "/v1/jobs/:id/output",
    {
      schema: {
        summary: "The bytes a task wrote, as written",
        description:
          `\`offset\` counts within one attempt: the one that the header ${ATTEMPT_HEADER} names. To resume, ask for that ` +
          "attempt from the number of bytes you have of it. A follow without `attempt` goes on, from their first byte, into " +
          "the attempts that come after; how long each one's output is stands in the job.",
        params: JobParams,
        querystring: OutputQuery,
        produces: ["text/plain"],
        response: { 200: z.string() },
      },
    },
    async (request, reply) => {
      const job = requireJob(engine, history, request.params.id);
      const { task: taskIndex, attempt: wantedNumber, offset, follow } = request.query;
      const task = history.task(job.id, taskIndex, job.spec.resources);
      if (!task) {
        throw new DroverError(
          "task.notFound",
          `Job ${job.id} has no task ${taskIndex}; it has ${job.spec.arraySize ?? 1}.`,
        );
      }
      if (wantedNumber !== undefined && wantedNumber > task.attemptNumber) {
        throw new DroverError(
          "attempt.notFound",
          `Task ${job.id}.${taskIndex} has had ${task.attemptNumber} attempts, so there is no attempt ${wantedNumber}.`,
        );
      }
      if (task.attemptNumber === 0 && !follow) {
        throw new DroverError("output.notFound", `Task ${job.id}.${taskIndex} has not started.`);
      }
      const number = wantedNumber ?? Math.max(1, task.attemptNumber);
      const attempt = history.attempt(job.id, taskIndex, number);
      const storedBytes = attempt ? outputs.sizeOf(attempt.id) : 0;
      const missingBytes = attempt?.state === "ended" ? (attempt.outputBytes ?? 0) - storedBytes : 0;
      if (missingBytes > 0) {
        throw new DroverError(
          "output.missing",
          `Of the output of attempt ${number}, ${missingBytes} bytes are missing.`,
          {
            details: { storedBytes, missingBytes },
          },
        );
      }
      if (offset > storedBytes) {
        throw new DroverError(
          "output.offsetBeyondEnd",
          `Offset ${offset} lies beyond the ${storedBytes} bytes there are.`,
          {
            details: { storedBytes },
          },
        );
      }
      const reader = new OutputReader({ engine, history, outputs, jobId: job.id, taskIndex, number, offset });
      reply.hijack();
      const { raw } = reply;
      raw.writeHead(200, {
        "content-type": "text/plain; charset=utf-8",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
        [ATTEMPT_HEADER]: String(number),
        ...(follow ? {} : { "content-length": String(storedBytes - offset) }),
      });
      raw.flushHeaders();
      try {
        if (follow) await reader.follow(raw, taskSignals, taskKey(job.id, taskIndex), wantedNumber === undefined);
        else await reader.copy(raw, storedBytes);
        raw.end();
      } catch (error) {
        // The head is out: breaking the connection is the only way left to say that bytes are missing.
        log.error({ event: "request.failed", err: error, requestId: request.id }, "output could not be read");
        raw.destroy();
      } finally {
        reader.close();
      }
    },
  );
};
