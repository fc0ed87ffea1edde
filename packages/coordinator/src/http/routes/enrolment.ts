import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { Enrolment, PendingEnrolments } from "@drover/shared/api/enrolment.ts";
import type { NodeId } from "@drover/shared/domain/ids.ts";
import type { Enrolments } from "../../access/enrolments.ts";
import type { Invites } from "../../access/invites.ts";
import type { JoinFailures } from "../../access/join-failures.ts";
import type { Engine } from "../../engine/engine.ts";
import type { AgentGateway } from "../../gateway/agent-gateway.ts";
import type { EnrolmentRecord } from "../../store/enrolment-store.ts";
import { callerOf } from "../gate.ts";
import { timestamp } from "../views.ts";
import { inviteView } from "./invites.ts";
import { NodeParams, requireNode } from "./named-node.ts";

export interface EnrolmentRoutesOptions {
  engine: Engine;
  invites: Invites;
  enrolments: Enrolments;
  joinFailures: JoinFailures;
  dropNode: AgentGateway["drop"];
}

export const enrolmentRoutes: FastifyPluginAsyncZod<EnrolmentRoutesOptions> = async (app, options) => {
  const { engine, invites, enrolments, joinFailures, dropNode } = options;

  app.get(
    "/v1/enrolments/pending",
    {
      schema: {
        summary: "Nodes that wait to be let in, unused invitations, and attempts to join that failed",
        response: { 200: PendingEnrolments },
      },
    },
    async () => ({
      waiting: enrolments.waiting().map(enrolmentView),
      unusedInvites: invites.unused().map(inviteView),
      failures: joinFailures.list().map(({ firstAtMs, lastAtMs, ...failure }) => ({
        ...failure,
        firstAt: timestamp(firstAtMs),
        lastAt: timestamp(lastAtMs),
      })),
    }),
  );

  app.post(
    "/v1/nodes/:id/approve",
    { schema: { summary: "Let a node in that waits", params: NodeParams, response: { 200: Enrolment } } },
    async (request) => enrolmentView(enrolments.approve(request.params.id)),
  );

  app.post(
    "/v1/nodes/:id/remove",
    {
      schema: {
        summary: "Remove a node from the fleet",
        description:
          "Its key is worth nothing from now on and its connection is cut. What it ran is queued again when its lease and the time to kill have passed. It comes back by joining again.",
        params: NodeParams,
        response: { 200: Enrolment },
      },
    },
    async (request) => {
      const actor = callerOf(request).name;
      const waiting = enrolments.find(request.params.id);
      // One that waits is not of the fleet yet.
      const { id, name } =
        waiting?.state === "pending"
          ? { id: waiting.nodeId, name: waiting.name }
          : requireNode(engine.fleet, request.params.id);
      const removed = enrolments.remove(id, name);
      dropNode(id, "agent.removed", `by ${actor}`);
      await declareGone(id, actor);
      return enrolmentView(removed);
    },
  );

  /** Nobody waits any longer for what it ran. It was dropped in this turn, so it is not online any more. */
  async function declareGone(nodeId: NodeId, actor: string): Promise<void> {
    if (engine.fleet.nodes.get(nodeId)) await engine.command({ type: "declareNodeGone", nodeId, actor });
  }
};

function enrolmentView(record: EnrolmentRecord): Enrolment {
  const { nodeId, name, state, site, labels, inviteId, address, joinedAtMs } = record;
  return { nodeId, name, state, site, labels, inviteId, address, joinedAt: timestamp(joinedAtMs) };
}
