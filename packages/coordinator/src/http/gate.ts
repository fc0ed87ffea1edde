import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { accessOf, type RouteAccess } from "@drover/shared/api/routes.ts";
import { invariant } from "@drover/shared/assert.ts";
import type { JobId } from "@drover/shared/domain/ids.ts";
import { roleIncludes } from "@drover/shared/domain/role.ts";
import { withoutTokens } from "@drover/shared/domain/token.ts";
import type { ErrorCode } from "@drover/shared/error-codes.ts";
import { DroverError } from "@drover/shared/errors.ts";
import type { Caller, Tokens } from "../access/tokens.ts";
import type { AccessStore } from "../store/access-store.ts";
import type { NoteAudit } from "./audit-trail.ts";
import type { NoteInvalidToken } from "./lock-out.ts";
import type { OpenAnswers } from "./open-answers.ts";

declare module "fastify" {
  interface FastifyRequest {
    caller: Caller | null;
  }
}

export interface GateOptions {
  tokens: Tokens;
  noteInvalidToken: NoteInvalidToken;
  audit: AccessStore;
  noteAudit: NoteAudit;
  openAnswers: OpenAnswers;
  /** Who submitted the job; `null` where that was before there were tokens, `undefined` where there is no such job. */
  submitterOf: (jobId: JobId) => string | null | undefined;
}

/**
 * Stands before every route, by the table in shared/api/routes.ts: finds out who asks before anything of the
 * body is read, whether the role allows it, and notes in the audit trail what is changed and what is denied.
 */
export function openGate(app: FastifyInstance, options: GateOptions): void {
  const { tokens, noteInvalidToken, audit, noteAudit, openAnswers, submitterOf } = options;
  app.decorateRequest("caller", null);

  app.addHook("onRoute", ({ method, url }) => {
    for (const name of routeNames(method, url)) invariant(accessOf(name), `${name} has no row in shared/api/routes.ts`);
  });

  app.addHook("onRequest", async (request, reply) => {
    const access = accessOfRequest(request);
    // What does not exist is nobody's secret, and neither is what anybody may read.
    if (!access || access.role === null) return;
    const caller = authenticate(request, reply, access);
    request.caller = caller;
    openAnswers.add(caller.name, reply.raw);
    if (roleIncludes(caller.role, access.role)) return;
    throw denied(
      request,
      access,
      "access.forbidden",
      `${access.action} takes the role ${access.role}; the token ${caller.name} has the role ${caller.role}.`,
    );
  });

  // After the body and the path were read and fit the schema: what does not fit changes nothing.
  app.addHook("preHandler", async (request) => {
    const access = accessOfRequest(request);
    if (!access || !request.caller) return;
    if (access.ownJobsOnly) requireOwnJob(request, access, request.caller);
    if (isChange(request)) note(request, access, null);
  });

  // Nothing is answered before what it did is on the record; most often the turn has taken it along already.
  app.addHook("onSend", async (_request, reply, payload) => {
    try {
      audit.flushAudit();
    } catch (error) {
      // What is refused keeps its own reason; the log has the line that the full or failing disk did not take.
      if (reply.statusCode < 400) throw error;
    }
    return payload;
  });

  function authenticate(request: FastifyRequest, reply: FastifyReply, access: RouteAccess): Caller {
    const token = bearerToken(request.headers.authorization);
    if (token === null) {
      void reply.header("www-authenticate", "Bearer");
      throw new DroverError("access.tokenMissing", `${access.action} takes a token, and the request carries none.`);
    }
    const caller = tokens.authenticate(token);
    if (caller) return caller;
    noteInvalidToken(request, reply);
    void reply.header("www-authenticate", 'Bearer error="invalid_token"');
    throw denied(request, access, "access.tokenInvalid", "The token is not valid.");
  }

  function requireOwnJob(request: FastifyRequest, access: RouteAccess, caller: Caller): void {
    if (roleIncludes(caller.role, "operator")) return;
    const { id } = request.params as { id: JobId };
    const submitter = submitterOf(id);
    // Of a job that does not exist the route itself says so.
    if (submitter === undefined || submitter === caller.name) return;
    const whose = submitter ?? "somebody before there were tokens";
    throw denied(request, access, "access.notYourJob", `Job ${id} was submitted by ${whose}, not by ${caller.name}.`);
  }

  function denied(request: FastifyRequest, access: RouteAccess, code: ErrorCode, message: string): DroverError {
    note(request, access, code);
    return new DroverError(code, message);
  }

  function note(request: FastifyRequest, { action }: RouteAccess, code: ErrorCode | null): void {
    noteAudit({
      actor: request.caller?.name ?? null,
      role: request.caller?.role ?? null,
      action,
      target: targetOf(request),
      address: request.ip,
      code,
    });
  }
}

/** Who asks, on a route that takes a token. */
export function callerOf(request: FastifyRequest): Caller {
  invariant(request.caller, "the gate lets nobody through to a route that takes a token without one");
  return request.caller;
}

/** Whether a route takes no token. */
export function mayAnybody(method: string | string[], url: string): boolean {
  return routeNames(method, url).every((name) => accessOf(name)?.role === null);
}

function routeNames(method: string | string[], url: string): string[] {
  return [method].flat().map((verb) => routeName(verb, url));
}

function accessOfRequest(request: FastifyRequest): RouteAccess | null {
  const { url } = request.routeOptions;
  return url === undefined ? null : accessOf(routeName(request.method, url));
}

/** HEAD is GET without the body, for every route. */
function routeName(method: string, url: string): string {
  return `${method === "HEAD" ? "GET" : method} ${url}`;
}

function isChange({ method }: FastifyRequest): boolean {
  return method !== "GET" && method !== "HEAD";
}

/** Of `Authorization: Bearer …`, the only way in; a token in a URL would end in histories and logs. */
export function bearerToken(authorization: string | undefined): string | null {
  return /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1] ?? null;
}

/** As it was named; people paste a token where its name belongs. */
function targetOf(request: FastifyRequest): string | null {
  const { id, name, gpu } = request.params as { id?: string | number; name?: string; gpu?: string };
  // Of a token that is made, the name is in the body; of a denied request that was never read.
  const named = id ?? name ?? (request.body as { name?: string } | undefined)?.name;
  const target = gpu === undefined ? named : `${named} GPU ${gpu}`;
  return target === undefined ? null : withoutTokens(String(target)).slice(0, MAX_TARGET_CHARS);
}

const MAX_TARGET_CHARS = 200;
