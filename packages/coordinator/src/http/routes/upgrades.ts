import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { NodeDetail, UpgradeRequest } from "@drover/shared/api/nodes.ts";
import type { NodeId } from "@drover/shared/domain/ids.ts";
import { DroverError } from "@drover/shared/errors.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Artifacts } from "../artifacts.ts";
import { nodeDetailView } from "../views.ts";
import { NodeParams, requireNode } from "./named-node.ts";

export interface UpgradeRoutesOptions {
  engine: Engine;
  artifacts: Artifacts;
  upgrade: UpgradeNode;
}

/** Resolves when the node is about to restart as that version; rejects with what of `node.…` stands in the way. */
export type UpgradeNode = (nodeId: NodeId, version: string, sha256: string) => Promise<void>;

export const upgradeRoutes: FastifyPluginAsyncZod<UpgradeRoutesOptions> = async (
  app,
  { engine, artifacts, upgrade },
) => {
  app.post(
    "/v1/nodes/:id/upgrade",
    {
      schema: {
        summary: "Make a node's agent another version",
        description:
          "The agent fetches the version's archive from here, verifies it and restarts as it; answers when it is about to. Where it does not come online within a minute the node goes back to its version by itself. What runs there goes on.",
        params: NodeParams,
        body: UpgradeRequest,
        response: { 200: NodeDetail },
      },
    },
    async (request) => {
      const { id, hardware } = requireNode(engine.fleet, request.params.id);
      const { version } = request.body;
      const name = `drover-${version}-linux-${hardware.architecture}.tar.gz`;
      const sha256 = artifacts.sha256Of(name);
      if (sha256 === null) throw new DroverError("artifacts.notFound", `There is no ${name} here.`);
      await upgrade(id, version, sha256);
      return nodeDetailView(requireNode(engine.fleet, id), engine.fleet);
    },
  );
};
