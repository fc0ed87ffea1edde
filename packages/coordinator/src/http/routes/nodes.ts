import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { NodeAdminRequest, NodeDetail, NodeList } from "@drover/shared/api/nodes.ts";
import type { NodeId } from "@drover/shared/domain/ids.ts";
import type { NodeRecord } from "../../core/records.ts";
import { requireResult, type Engine } from "../../engine/engine.ts";
import { callerOf } from "../gate.ts";
import { nodeDetailView, nodeView } from "../views.ts";
import { NodeParams, requireNode } from "./named-node.ts";

export interface NodeRoutesOptions {
  engine: Engine;
  isRemoved: (nodeId: NodeId) => boolean;
}

export const nodeRoutes: FastifyPluginAsyncZod<NodeRoutesOptions> = async (app, { engine, isRemoved }) => {
  const { fleet } = engine;
  /** A node that was removed is shown as long as something may still run on it. */
  const isHistory = ({ id }: NodeRecord): boolean => isRemoved(id) && fleet.attemptsOn(id).length === 0;

  app.get("/v1/nodes", { schema: { summary: "List nodes", response: { 200: NodeList } } }, async () => ({
    nodes: [...fleet.nodes.values()].filter((node) => !isHistory(node)).map((node) => nodeView(node, fleet)),
  }));

  app.get(
    "/v1/nodes/:id",
    {
      schema: {
        summary: "One node, by id or name",
        params: NodeParams,
        response: { 200: NodeDetail },
      },
    },
    async (request) => nodeDetailView(requireNode(fleet, request.params.id), fleet),
  );

  app.put(
    "/v1/nodes/:id/admin",
    {
      schema: {
        summary: "Cordon, drain or uncordon a node",
        description:
          "Holds until the next word, over restarts and reboots. A draining node is drained when nothing runs there any more and its agent says so too.",
        params: NodeParams,
        body: NodeAdminRequest,
        response: { 200: NodeDetail },
      },
    },
    async (request) => {
      const { id } = requireNode(fleet, request.params.id);
      const { admin, reason = null, deadline: deadlineAfterMs = null } = request.body;
      const command = {
        type: "setNodeAdmin",
        nodeId: id,
        admin,
        reason,
        deadlineAfterMs,
        actor: callerOf(request).name,
      } as const;
      requireResult(await engine.command(command));
      return nodeDetailView(requireNode(fleet, id), fleet);
    },
  );

  app.post(
    "/v1/nodes/:id/gone",
    {
      schema: {
        summary: "Say that a node will not come back",
        description:
          "When its lease and the time to kill have passed (at once, if they have) all its attempts end and their tasks are queued again, those with onDisconnect=wait too. Refused while it is online; void when it says hello.",
        params: NodeParams,
        response: { 200: NodeDetail },
      },
    },
    async (request) => {
      const { id } = requireNode(fleet, request.params.id);
      requireResult(await engine.command({ type: "declareNodeGone", nodeId: id, actor: callerOf(request).name }));
      return nodeDetailView(requireNode(fleet, id), fleet);
    },
  );
};
