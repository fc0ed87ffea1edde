import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { DiagnoseRequest, NodeDetail } from "@drover/shared/api/nodes.ts";
import { Diagnosis } from "@drover/shared/domain/diagnosis.ts";
import type { NodeId } from "@drover/shared/domain/ids.ts";
import { DroverError } from "@drover/shared/errors.ts";
import type { NodeRecord } from "../../core/records.ts";
import { requireResult, type Engine } from "../../engine/engine.ts";
import { callerOf } from "../gate.ts";
import { nodeDetailView } from "../views.ts";
import { NodeParams, requireNode } from "./named-node.ts";

export interface NodeHardwareOptions {
  engine: Engine;
  diagnose: Diagnose;
}

/** Asks the node itself; rejects with what of `node.…` stands in the way. */
export type Diagnose = (nodeId: NodeId, burn: boolean) => Promise<Diagnosis>;

/** What operators say of the machine itself, and ask it. */
export const nodeHardwareRoutes: FastifyPluginAsyncZod<NodeHardwareOptions> = async (app, { engine, diagnose }) => {
  const { fleet } = engine;
  app.post(
    "/v1/nodes/:id/diagnose",
    {
      schema: {
        summary: "Look at everything on a node",
        description:
          "Runs every probe on the node, as `drover-agent doctor` does there; answers when it is done, after some seconds. The worst comes first. A burn test wants a node that is cordoned.",
        params: NodeParams,
        body: DiagnoseRequest.optional(),
        response: { 200: Diagnosis },
      },
    },
    async (request) => {
      const { id, name, admin } = requireNode(fleet, request.params.id);
      const burn = request.body?.burn ?? false;
      if (burn && admin === "schedulable") throw new DroverError("node.notCordoned", `${name} is not cordoned.`);
      return diagnose(id, burn);
    },
  );

  app.post(
    "/v1/nodes/:id/gpus/:gpu/release",
    {
      schema: {
        summary: "Give back a GPU that is in quarantine",
        description:
          "After an attempt whose GPU's memory was not given back the GPU is given to nobody until it is. This gives it back as it is; a later quarantine of the same GPU is another one.",
        params: NodeParams.extend({ gpu: z.string() }).meta({ description: "A node, and a GPU's index or id" }),
        response: { 200: NodeDetail },
      },
    },
    async (request) => {
      const node = requireNode(fleet, request.params.id);
      const gpuId = requireGpuId(node, request.params.gpu);
      requireResult(
        await engine.command({ type: "releaseGpu", nodeId: node.id, gpuId, actor: callerOf(request).name }),
      );
      return nodeDetailView(requireNode(fleet, node.id), fleet);
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
      return nodeDetailView(requireNode(fleet, id), fleet);
    },
  );
};

/** Also of an instance of a split GPU, and of a GPU that only its quarantine still names. */
function requireGpuId({ name, hardware, health }: NodeRecord, idOrIndex: string): string {
  const byIndex = hardware.gpus.find(({ index }) => String(index) === idOrIndex);
  const known = [
    ...hardware.gpus.flatMap(({ id, migInstances }) => [id, ...migInstances.map((mig) => mig.id)]),
    ...health.gpus.map(({ gpuId }) => gpuId),
  ];
  const gpuId = byIndex?.id ?? known.find((id) => id === idOrIndex);
  if (gpuId === undefined) throw new DroverError("gpu.notFound", `${name} has no GPU "${idOrIndex}".`);
  return gpuId;
}
