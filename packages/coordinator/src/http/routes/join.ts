import type { FastifyReply, FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { ROUTES } from "@drover/shared/api/routes.ts";
import { JoinAnswer, JoinRequest } from "@drover/shared/api/enrolment.ts";
import type { Clock } from "@drover/shared/clock.ts";
import { parseJoinToken } from "@drover/shared/domain/join-token.ts";
import { isDroverError, type DroverError } from "@drover/shared/errors.ts";
import type { Enrolments } from "../../access/enrolments.ts";
import type { JoinFailures } from "../../access/join-failures.ts";
import type { NoteAudit } from "../audit-trail.ts";
import { bearerToken } from "../gate.ts";
import type { NoteInvalidToken } from "../lock-out.ts";

export interface JoinRoutesOptions {
  enrolments: Enrolments;
  joinFailures: JoinFailures;
  noteAudit: NoteAudit;
  noteInvalidToken: NoteInvalidToken;
  clock: Clock;
}

export const joinRoutes: FastifyPluginAsyncZod<JoinRoutesOptions> = async (app, options) => {
  const { enrolments, joinFailures, noteAudit, noteInvalidToken, clock } = options;

  app.post(
    "/v1/join",
    {
      schema: {
        summary: "Join as a node",
        description: "With a join token in the Authorization header. Said twice it is the same.",
        body: JoinRequest,
        response: { 200: JoinAnswer },
      },
    },
    async (request, reply) => {
      const token = bearerToken(request.headers.authorization) ?? "";
      try {
        const { state, site } = enrolments.join(token, request.body, request.ip);
        note(request, token, null);
        return {
          fleetId: enrolments.fleetId,
          state: state === "pending" ? ("pending" as const) : ("enrolled" as const),
          site,
        };
      } catch (error) {
        if (isDroverError(error) && error.code.startsWith("join.")) failed(request, reply, token, error);
        throw error;
      }
    },
  );

  function failed(request: FastifyRequest, reply: FastifyReply, token: string, error: DroverError): void {
    // Guesses are counted as those of API tokens are; who has a true one that is no longer good guesses nothing.
    joinFailures.note(request.ip, error.code, error.message, clock.nowMs());
    if (error.code === "join.tokenInvalid") noteInvalidToken(request, reply);
    note(request, token, error);
  }

  function note({ ip, body }: FastifyRequest, token: string, error: DroverError | null): void {
    const { nodeId, name } = body as JoinRequest;
    const isKnown = error?.code !== "join.tokenInvalid";
    noteAudit({
      actor: isKnown ? `invite ${parseJoinToken(token)?.id}` : null,
      role: null,
      action: ROUTES["POST /v1/join"].action,
      target: `${nodeId} ${name}`.slice(0, 200),
      address: ip,
      code: error?.code ?? null,
    });
  }
};
