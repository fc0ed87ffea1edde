import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import {
  AuditList,
  AuditQuery,
  CreatedToken,
  Token,
  TokenCreateRequest,
  TokenList,
} from "@drover/shared/api/access.ts";
import type { Tokens } from "../../access/tokens.ts";
import type { AccessStore, TokenRecord } from "../../store/access-store.ts";
import { callerOf } from "../gate.ts";
import type { OpenAnswers } from "../open-answers.ts";
import { timestamp, timestampOrNull } from "../views.ts";

export interface AccessRoutesOptions {
  tokens: Tokens;
  audit: AccessStore;
  openAnswers: OpenAnswers;
}

export const accessRoutes: FastifyPluginAsyncZod<AccessRoutesOptions> = async (app, { tokens, audit, openAnswers }) => {
  app.get(
    "/v1/tokens",
    { schema: { summary: "List tokens, oldest first, revoked ones too", response: { 200: TokenList } } },
    async () => ({ tokens: tokens.list().map(tokenView) }),
  );

  app.post(
    "/v1/tokens",
    {
      schema: {
        summary: "Make a token",
        description: "The answer holds the token itself, this once: only its SHA-256 is kept.",
        body: TokenCreateRequest,
        response: { 201: CreatedToken },
      },
    },
    async (request, reply) => {
      const { name, role } = request.body;
      const { record, token } = tokens.create(name, role, callerOf(request).name);
      return reply
        .code(201)
        .header("cache-control", "no-store")
        .send({ ...tokenView(record), token });
    },
  );

  app.post(
    "/v1/tokens/:name/revoke",
    {
      schema: {
        summary: "Revoke a token",
        description: "At once: answers that are still being given to it are cut off. Its name may be used again.",
        params: z.object({ name: z.string() }),
        response: { 200: Token },
      },
    },
    async (request) => {
      const record = tokens.revoke(request.params.name);
      if (callerOf(request).name !== record.name) openAnswers.cut(record.name);
      return tokenView(record);
    },
  );

  app.get(
    "/v1/audit",
    { schema: { summary: "Who did what, newest first", querystring: AuditQuery, response: { 200: AuditList } } },
    async (request) => {
      const { limit } = request.query;
      const records = audit.audit({ ...request.query, limit: limit + 1 });
      const page = records.slice(0, limit);
      const entries = page.map(({ atMs, ...entry }) => ({ ...entry, at: timestamp(atMs) }));
      return { entries, nextBefore: records.length > limit ? (page.at(-1)?.id ?? null) : null };
    },
  );
};

function tokenView({ name, role, createdAtMs, createdBy, revokedAtMs }: TokenRecord): Token {
  return {
    name,
    role,
    createdAt: timestamp(createdAtMs),
    createdBy,
    revokedAt: timestampOrNull(revokedAtMs),
  };
}
