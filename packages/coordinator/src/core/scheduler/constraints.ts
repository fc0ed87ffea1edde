import { NO_GPU } from "@drover/shared/domain/gpu-request.ts";
import type { JobId } from "@drover/shared/domain/ids.ts";
import { WHOLE_GPU_MILLI, type ResourceRequest } from "@drover/shared/domain/resources.ts";
import { CONSTRAINTS, type Constraint, type ConstraintCount } from "@drover/shared/domain/waiting-reason.ts";
import type { Fleet } from "../fleet.ts";
import { hasRoom, isOpen, type NodeCapacity } from "./capacity.ts";
import { Demand, revisionIdsOf } from "./demand.ts";
import { fits } from "./room.ts";

/**
 * The arithmetic behind a reason to wait: how many nodes each constraint rules out, and on how many it alone stands in
 * the way. One constraint is taken out at a time, and the rest asked by the same rules by which the pass places.
 */
export function countConstraints(
  fleet: Fleet,
  request: ResourceRequest,
  jobId: JobId | null = null,
): ConstraintCount[] {
  const nodes = fleet.capacity.allNodes();
  const parts = partsOf({ ...request, models: [] });
  const revisionIds = revisionIdsOf(request);
  const ruledOut = nodes.map((node) => ({
    node,
    by: [
      ...constraintsOn(node, parts),
      ...(revisionIds.every((id) => node.models.has(id)) ? [] : (["models"] as const)),
      ...(isKeptFromIt(fleet, node, jobId) ? (["reservation"] as const) : []),
    ],
  }));
  return Object.keys(CONSTRAINTS).flatMap((name) => {
    const constraint = name as Constraint;
    const those = ruledOut.filter(({ by }) => by.includes(constraint));
    const rest = new Demand({ ...request, ...WITHOUT[constraint] });
    const sole = those.filter(
      ({ node, by }) => hasRoom(node, rest) && by.every((other) => other === constraint || !LASTING.has(other)),
    );
    return those.length > 0 ? [{ constraint, nodeCount: those.length, soleCount: sole.length }] : [];
  });
}

/** What of a request is taken back to be rid of a constraint. */
const WITHOUT: Readonly<Record<Constraint, Partial<ResourceRequest>>> = {
  availability: {},
  models: { models: [] },
  gpuModels: { gpuModels: [] },
  gpuMemory: { gpuMemoryMinBytes: 0 },
  gpus: NO_GPU,
  cpus: { cpuMilli: 0 },
  memory: { memoryBytes: 0 },
  reservation: {},
};

/** Whatever else is asked for, they stand. */
const LASTING: ReadonlySet<Constraint> = new Set(["availability", "reservation"]);

function isKeptFromIt(fleet: Fleet, { nodeId }: NodeCapacity, jobId: JobId | null): boolean {
  const reservation = fleet.reservations.on(nodeId);
  return reservation !== undefined && reservation.position.jobId !== jobId;
}

type Parts = Record<"cpus" | "memory" | "gpus" | "gpuModels" | "gpuMemory", Demand>;

/** Each constraint by itself. Those of GPUs build on each other: memory is asked of the models, room of what is left. */
function partsOf(request: ResourceRequest): Parts {
  const gpus = { ...request, cpuMilli: 0, memoryBytes: 0 };
  const anyShare = { ...gpus, gpuMilli: WHOLE_GPU_MILLI, gpuMemoryBytes: null };
  return {
    cpus: new Demand({ ...request, ...NO_GPU, memoryBytes: 0 }),
    memory: new Demand({ ...request, ...NO_GPU, cpuMilli: 0 }),
    gpuModels: new Demand({ ...anyShare, gpuMemoryMinBytes: 0 }),
    gpuMemory: new Demand(anyShare),
    gpus: new Demand(gpus),
  };
}

function constraintsOn(node: NodeCapacity, parts: Parts): Constraint[] {
  const by: Constraint[] = [];
  if (!isOpen(node)) by.push("availability");
  if (!fits(node.free, parts.cpus)) by.push("cpus");
  if (!fits(node.free, parts.memory)) by.push("memory");
  if (fits(node.free, parts.gpus)) return by;
  // Of which model a GPU is, and how large, does not depend on what is held.
  const named = parts.gpus.request.gpuModels.length > 0 && !fits(node.all, parts.gpuModels);
  const sized = parts.gpus.request.gpuMemoryMinBytes > 0 && !fits(node.all, parts.gpuMemory);
  by.push(named ? "gpuModels" : sized ? "gpuMemory" : "gpus");
  return by;
}
