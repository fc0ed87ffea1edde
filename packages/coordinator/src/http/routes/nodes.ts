import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { NodeAdminRequest, NodeDetail, NodeList } from "@drover/shared/api/nodes.ts";
import { requireResult, type Engine } from "../../engine/engine.ts";
import { callerOf } from "../gate.ts";
import { nodeDetailView, nodeView } from "../views.ts";
import { NodeParams, requireNode } from "./named-node.ts";

export const nodeRoutes: FastifyPluginAsyncZod<{ engine: Engine }> = async (app, { engine }) => {
  const { fleet } = engine;
  app.get("/v1/nodes", { schema: { summary: "List nodes", response: { 200: NodeList } } }, async () => ({
    nodes: [...fleet.nodes.values()].map((node) => nodeView(node, fleet)),
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
