import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Engine } from "../../engine/engine.ts";
import type { Metrics } from "../../telemetry/metrics.ts";

const Status = z.object({ status: z.literal("ok") });

export const healthRoutes: FastifyPluginAsyncZod<{ engine: Engine; metrics: Metrics }> = async (
  app,
  { engine, metrics },
) => {
  app.get("/healthz", { schema: { summary: "The process is up", response: { 200: Status } } }, async () => ({
    status: "ok" as const,
  }));

  app.get(
    "/readyz",
    { schema: { summary: "The state is loaded and the store can be written", response: { 200: Status } } },
    async () => {
      if (engine.storeProblem) throw engine.storeProblem;
      return { status: "ok" as const };
    },
  );

  app.get(
    "/metrics",
    { schema: { summary: "Prometheus text", produces: ["text/plain"], response: { 200: z.string() } } },
    async (_request, reply) => {
      const { contentType, text } = await metrics.render();
      return reply.type(contentType).serializer(String).send(text);
    },
  );
};
