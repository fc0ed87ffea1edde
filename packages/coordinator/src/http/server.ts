import swagger from "@fastify/swagger";
import Fastify, { type FastifyInstance } from "fastify";
import {
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  validatorCompiler,
  type ZodTypeProvider,
} from "fastify-type-provider-zod";
import type { Logger } from "pino";
import type { Clock } from "@drover/shared/clock.ts";
import type { TaskKey } from "@drover/shared/domain/ids.ts";
import { Problem } from "@drover/shared/api/problem.ts";
import { DroverError } from "@drover/shared/errors.ts";
import { withoutTokens } from "@drover/shared/domain/token.ts";
import { DROVER_VERSION } from "@drover/shared/version.ts";
import type { Engine } from "../engine/engine.ts";
import type { Signals } from "../engine/signals.ts";
import type { AgentGateway } from "../gateway/agent-gateway.ts";
import type { OutputStore } from "../output/output-store.ts";
import type { AccessStore } from "../store/access-store.ts";
import type { History } from "../store/read-history.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { ServerTls } from "../tls/server-tls.ts";
import { FailedAttempts } from "../access/failed-attempts.ts";
import type { Enrolments } from "../access/enrolments.ts";
import type { Invites } from "../access/invites.ts";
import { JoinFailures } from "../access/join-failures.ts";
import type { Tokens } from "../access/tokens.ts";
import { auditTrail } from "./audit-trail.ts";
import { mayAnybody, openGate } from "./gate.ts";
import { serverOptions } from "./https-server.ts";
import { lockOut } from "./lock-out.ts";
import type { AnswersTo } from "./loopback.ts";
import { OpenAnswers } from "./open-answers.ts";
import { toDroverError, toProblem } from "./problem.ts";
import type { Artifacts } from "./artifacts.ts";
import { accessRoutes } from "./routes/access.ts";
import { artifactRoutes } from "./routes/artifacts.ts";
import { enrolmentRoutes } from "./routes/enrolment.ts";
import { eventRoutes } from "./routes/events.ts";
import { healthRoutes } from "./routes/health.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { inviteRoutes, type Reach } from "./routes/invites.ts";
import { joinRoutes } from "./routes/join.ts";
import { modelRoutes, type ResolveModel } from "./routes/models.ts";
import { nodeHardwareRoutes, type Diagnose } from "./routes/node-hardware.ts";
import { nodeRoutes } from "./routes/nodes.ts";
import { outputRoutes } from "./routes/output.ts";
import { placementRoutes } from "./routes/placements.ts";
import { siteRoutes } from "./routes/sites.ts";
import { upgradeRoutes, type UpgradeNode } from "./routes/upgrades.ts";

export interface HttpServerOptions {
  engine: Engine;
  tokens: Tokens;
  audit: AccessStore;
  history: History;
  outputs: OutputStore;
  metrics: Metrics;
  taskSignals: Signals<TaskKey>;
  eventSignals: Signals<"events">;
  diagnose: Diagnose;
  upgrade: UpgradeNode;
  invites: Invites;
  enrolments: Enrolments;
  dropNode: AgentGateway["drop"];
  reach: () => Reach;
  resolveModel: ResolveModel;
  answersTo: AnswersTo;
  /** Whose X-Forwarded-… headers count; of anybody else they are what anybody may claim. */
  trustedProxies: readonly string[];
  /** `null`: plain HTTP. */
  tls: ServerTls | null;
  artifacts: Artifacts;
  clock: Clock;
  log: Logger;
}

const MAX_BODY_BYTES = 1024 * 1024;

/** The HTTP API. Changes go through the engine; reads come from the store and the live fleet. */
export async function createHttpServer(options: HttpServerOptions): Promise<FastifyInstance> {
  const { engine, tokens, audit, history, outputs, metrics, taskSignals, eventSignals, clock, log } = options;
  const { answersTo, artifacts, tls } = options;
  const app = Fastify({
    // One line per change of state is the log's contract (DESIGN §9); a line per request would drown it.
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    // A follower of output or events may stay for days; closing the server must not wait for it.
    forceCloseConnections: true,
    trustProxy: options.trustedProxies.length > 0 && [...options.trustedProxies],
    ...serverOptions(tls),
  }).withTypeProvider<ZodTypeProvider>();

  // Only JSON: what a page in a browser could send without asking first (text, forms) is refused.
  app.removeContentTypeParser("text/plain");
  app.setValidatorCompiler(validatorCompiler);
  // The views are typed by the same schemas; checking each answer again would cost more than making it.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));

  app.addHook("onRequest", async (request) => {
    // A web page whose name resolves to our address could speak to us (DNS rebinding), and try what needs no token.
    if (!answersTo(request.hostname)) {
      throw new DroverError("request.forbiddenHost", `This coordinator does not answer for "${request.hostname}".`);
    }
  });
  const openAnswers = new OpenAnswers();
  const noteInvalidToken = lockOut(new FailedAttempts(), clock, log);
  const noteAudit = auditTrail(audit, clock, log);
  const joinFailures = new JoinFailures();
  openGate(app, {
    tokens,
    noteInvalidToken,
    audit,
    noteAudit,
    openAnswers,
    submitterOf: (jobId) => (engine.fleet.jobs.get(jobId) ?? history.job(jobId))?.submittedBy,
  });
  app.setErrorHandler((error, request, reply) => {
    const known = toDroverError(error);
    if (known.code === "internal") {
      log.error(
        { event: "request.failed", err: error, requestId: request.id, path: withoutTokens(request.url) },
        "request failed",
      );
    }
    const problem = toProblem(known, request.id);
    return reply.code(problem.status).type("application/problem+json").serializer(JSON.stringify).send(problem);
  });
  app.setNotFoundHandler((request) => {
    throw new DroverError("route.notFound", `There is no ${request.method} ${request.url.split("?")[0]}.`);
  });

  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Drover coordinator",
        version: DROVER_VERSION,
        description: "Submit jobs, watch the fleet. Every error is a problem document (RFC 9457) with a stable `code`.",
      },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{ token: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  // Every route may answer with a problem document instead.
  app.addHook("onRoute", (route) => {
    const described = (route.schema ??= {});
    if (mayAnybody(route.method, route.url)) described.security = [];
    described.response = { ...(described.response as object | undefined), default: Problem };
  });
  await app.register(jobRoutes, { engine, history, outputs, clock });
  await app.register(outputRoutes, { engine, history, outputs, taskSignals, log });
  await app.register(nodeRoutes, { engine, isRemoved: (nodeId) => options.enrolments.isRemoved(nodeId) });
  await app.register(nodeHardwareRoutes, { engine, diagnose: options.diagnose });
  await app.register(siteRoutes, { engine });
  await app.register(modelRoutes, { engine, history, resolveModel: options.resolveModel });
  await app.register(placementRoutes, { engine });
  await app.register(eventRoutes, { history, eventSignals, clock });
  await app.register(inviteRoutes, options);
  await app.register(enrolmentRoutes, { ...options, joinFailures });
  await app.register(joinRoutes, { ...options, joinFailures, noteAudit, noteInvalidToken });
  await app.register(accessRoutes, { tokens, audit, openAnswers });
  await app.register(upgradeRoutes, { engine, artifacts, upgrade: options.upgrade });
  await app.register(artifactRoutes, { artifacts, tls });
  await app.register(healthRoutes, { engine, metrics });
  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
  return app;
}
