import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { NodeAdminRequest, NodeDetail, NodeList } from "@drover/shared/api/nodes.ts";
import { DroverError } from "@drover/shared/errors.ts";
import type { Fleet } from "../../core/fleet.ts";
import type { NodeRecord } from "../../core/records.ts";
import { requireResult, type Engine } from "../../engine/engine.ts";
import { callerOf } from "../gate.ts";
import { nodeView } from "../views.ts";

const NodeParams = z.object({ id: z.string() }).meta({ description: "A node's id or name" });

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
    async (request) => nodeDetail(requireNode(fleet, request.params.id)),
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
      return nodeDetail(requireNode(fleet, id));
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
      return nodeDetail(requireNode(fleet, id));
    },
  );

  app.post(
    "/v1/nodes/:id/accept-hardware",
    {
      schema: {
        summary: "Accept what a node has now",
        description:
          "GPUs, disks and memory that the node once had and no longer shows are no longer expected, and no longer missing.",
        params: NodeParams,
        response: { 200: NodeDetail },
      },
    },
    async (request) => {
      const { id } = requireNode(fleet, request.params.id);
      requireResult(await engine.command({ type: "acceptHardware", nodeId: id, actor: callerOf(request).name }));
      return nodeDetail(requireNode(fleet, id));
    },
  );

  function nodeDetail(node: NodeRecord): NodeDetail {
    return { ...nodeView(node, fleet), attempts: fleet.attemptsOn(node.id).map((attempt) => attempt.id) };
  }
};

function requireNode(fleet: Fleet, idOrName: string): NodeRecord {
  const nodes = [...fleet.nodes.values()];
  const byId = nodes.find((node) => node.id === idOrName);
  if (byId) return byId;
  const named = nodes.filter((node) => node.name === idOrName);
  if (named.length > 1) {
    const ids = named.map((node) => node.id);
    throw new DroverError("node.nameAmbiguous", `${named.length} nodes are called "${idOrName}": ${ids.join(", ")}.`);
  }
  if (named[0]) return named[0];
  throw new DroverError("node.notFound", `No node has the id or name "${idOrName}".`);
}
