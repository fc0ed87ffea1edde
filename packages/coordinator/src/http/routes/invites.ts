import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { CreatedInvite, Invite, InviteList, InviteRequest } from "@drover/shared/api/enrolment.ts";
import { formatJoinToken } from "@drover/shared/domain/join-token.ts";
import type { Invites } from "../../access/invites.ts";
import type { InviteRecord } from "../../store/enrolment-store.ts";
import { callerOf } from "../gate.ts";
import { timestamp, timestampOrNull } from "../views.ts";

/** How machines find the coordinator, and by what they know it. */
export interface Reach {
  url: string;
  trust: string;
  publicKeyPin: string | null;
}

export interface InviteRoutesOptions {
  invites: Invites;
  reach: () => Reach;
}

export const inviteRoutes: FastifyPluginAsyncZod<InviteRoutesOptions> = async (app, { invites, reach }) => {
  app.get(
    "/v1/invites",
    {
      schema: {
        summary: "List invitations, newest first, those too that are no longer good",
        response: { 200: InviteList },
      },
    },
    async () => ({ invites: invites.list().map(inviteView) }),
  );

  app.post(
    "/v1/invites",
    {
      schema: {
        summary: "Make a join token",
        description: "The answer holds the token itself, this once: only its SHA-256 is kept.",
        body: InviteRequest,
        response: { 201: CreatedInvite },
      },
    },
    async (request, reply) => {
      const { site = null, labels = {}, namePattern = null, uses, expires, needsApproval } = request.body;
      const wish = { site, labels, namePattern, uses, needsApproval, expiresAfterMs: expires };
      const { record, secret } = invites.create(wish, callerOf(request).name);
      const { url, trust, publicKeyPin } = reach();
      const token = formatJoinToken({ trust, id: record.id, secret });
      return reply
        .code(201)
        .header("cache-control", "no-store")
        .send({ ...inviteView(record), token, coordinatorUrl: url, publicKeyPin });
    },
  );

  app.post(
    "/v1/invites/:id/revoke",
    {
      schema: {
        summary: "Revoke a join token",
        description: "Nobody joins by it from now on; who has joined stays.",
        params: z.object({ id: z.string() }),
        response: { 200: Invite },
      },
    },
    async (request) => inviteView(invites.revoke(request.params.id)),
  );
};

export function inviteView({
  sha256: _sha256,
  createdAtMs,
  expiresAtMs,
  revokedAtMs,
  ...invite
}: InviteRecord): Invite {
  return {
    ...invite,
    createdAt: timestamp(createdAtMs),
    expiresAt: timestamp(expiresAtMs),
    revokedAt: timestampOrNull(revokedAtMs),
  };
}
