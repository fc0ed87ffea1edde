import type { Effects } from "./effects.ts";
import type { Fleet } from "./fleet.ts";
import type { NodeCommand, NodeCommandResult } from "./input.ts";
import { tellOfHealth } from "./node-changes.ts";
import { quarantinesOf, withoutReleased } from "./released-gpus.ts";

/** An operator gives a GPU back though the memory that an attempt left behind is still taken. */
export function releaseGpu(
  fleet: Fleet,
  { nodeId, gpuId, actor }: Extract<NodeCommand, { type: "releaseGpu" }>,
  effects: Effects,
): NodeCommandResult {
  const node = fleet.nodes.get(nodeId);
  if (!node) return { ok: false, code: "node.notFound", message: `There is no node ${nodeId}.` };
  const quarantine = quarantinesOf(node.health).find((one) => one.gpuId === gpuId);
  if (!quarantine)
    return { ok: false, code: "gpu.notQuarantined", message: `GPU ${gpuId} of ${node.name} is not in quarantine.` };
  const releasedGpus = [...node.releasedGpus.filter((one) => one.gpuId !== gpuId), quarantine];
  const health = withoutReleased(node.health, releasedGpus);
  const named = { nodeId, nodeName: node.name };
  effects.tell({ event: "gpu.released", ...named, gpuId, actor });
  tellOfHealth(node.health, health, { id: nodeId, name: node.name }, effects);
  fleet.nodes.put(nodeId, { ...node, health, releasedGpus });
  return { ok: true };
}
