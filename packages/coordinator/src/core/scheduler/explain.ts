import type { NodeVerdict, WaitingReason, WaitingReasonCode } from "@drover/shared/domain/waiting-reason.ts";
import { WAITING_REASONS } from "@drover/shared/domain/waiting-reason.ts";
import type { ResourceRequest } from "@drover/shared/domain/resources.ts";
import { formatResources } from "@drover/shared/domain/format-resources.ts";
import type { Fleet } from "../fleet.ts";
import type { NodeRecord } from "../records.ts";
import { describeModels } from "../describe-models.ts";
import { Demand } from "./demand.ts";
import { countFitting, fits, type Room } from "./room.ts";

const MAX_VERDICTS = 20;

/** Without its arithmetic, which is dear and seldom asked for: constraints.ts. */
type SchedulerReason = Pick<WaitingReason, "code" | "message" | "nodes">;

/**
 * Why a task that asks for this waits. Computed when somebody asks, from the same rules by which the pass
 * places: nothing is stored that could be out of date.
 */
export function explainWaiting(fleet: Fleet, request: ResourceRequest): SchedulerReason {
  const demand = new Demand(request);
  const verdicts = [...fleet.nodes.values()].map((node) => verdictOn(fleet, node, demand));
  const code = topReason(verdicts);
  const ranked = verdicts.toSorted((a, b) => RANK[a.verdict] - RANK[b.verdict] || lackOf(a) - lackOf(b));
  const nodes = ranked.slice(0, MAX_VERDICTS);
  const message = messageFor(code, nodes[0], request);
  const waitingCount = fleet.queue.waitingCount;
  const queue =
    code === "noNodeFitsNow" && waitingCount > 1
      ? `; ${waitingCount} tasks wait in all, those of the highest priority first, then the earliest`
      : "";
  const models = code === "awaitsModel" ? `; ${describeModels(fleet, request)}` : "";
  return { code, message: `${message}${models}${heldBack(ranked)}${queue}`, nodes };
}

/** The nearest miss first. */
const RANK: Readonly<Record<NodeVerdict["verdict"], number>> = {
  kept: -1,
  busy: 0,
  lacksModel: 1,
  coolingDown: 1,
  cordoned: 2,
  draining: 2,
  drained: 2,
  unavailable: 3,
  tooSmall: 4,
};

function verdictOn(fleet: Fleet, node: NodeRecord, demand: Demand): NodeVerdict {
  const named = { nodeId: node.id, nodeName: node.name };
  const all = fleet.capacity.roomInAll(node.id);
  const [bare, isMissing] = withoutModels(demand, all);
  if (fits(all, bare) && isMissing && fleet.capacity.isOpen(node.id))
    return { ...named, verdict: "lacksModel", missing: lacking(bare, fleet.capacity.roomOn(node.id)) };
  if (!fits(all, bare)) return { ...named, verdict: "tooSmall", missing: lacking(bare, all) };
  const room = fleet.capacity.roomOn(node.id);
  const verdict = verdictFor(fleet, node);
  // It waits all the same: another is to start there first.
  const isKept = verdict === "busy" && fits(room, demand) && fleet.reservations.on(node.id) !== undefined;
  return { ...named, verdict: isKept ? "kept" : verdict, missing: lacking(demand, room) };
}

/** What it asks for apart from models, and whether one of them is missing there. */
function withoutModels(demand: Demand, { models }: Readonly<Room>): [Demand, boolean] {
  if (demand.revisionIds.length === 0) return [demand, false];
  return [new Demand({ ...demand.request, models: [] }), demand.revisionIds.some((id) => !models.has(id))];
}

function verdictFor(fleet: Fleet, node: NodeRecord): NodeVerdict["verdict"] {
  if (fleet.capacity.isOpen(node.id)) return "busy";
  if (node.admin !== "schedulable") return node.admin;
  return fleet.capacity.isCoolingDown(node.id) ? "coolingDown" : "unavailable";
}

function topReason(verdicts: readonly NodeVerdict[]): WaitingReasonCode {
  if (verdicts.length === 0) return "noNodes";
  if (verdicts.every((node) => node.verdict === "tooSmall")) return "noNodeCouldEverFit";
  if (verdicts.some((node) => node.verdict === "kept")) return "keptForEarlier";
  if (verdicts.some((node) => node.verdict === "busy")) return "noNodeFitsNow";
  if (verdicts.some((node) => node.verdict === "lacksModel")) return "awaitsModel";
  return "fittingNodesUnavailable";
}

function lacking(demand: Demand, room: Readonly<Room>): NodeVerdict["missing"] {
  return {
    cpuMilli: Math.max(0, demand.cpuMilli - room.cpuMilli),
    memoryBytes: Math.max(0, demand.memoryBytes - room.memoryBytes),
    gpuCount: Math.max(0, demand.gpuCount - countFitting(room, demand)),
  };
}

function lackOf({ missing }: NodeVerdict): number {
  return missing.gpuCount * 1e15 + missing.memoryBytes + missing.cpuMilli;
}

function messageFor(code: WaitingReasonCode, nearest: NodeVerdict | undefined, request: ResourceRequest): string {
  const { text, advice } = WAITING_REASONS[code];
  if (!nearest) return `${text}; ${advice}`;
  const lack = formatResources({ ...request, ...nearest.missing });
  return lack === "nothing"
    ? `${text}; ${advice}`
    : `${text}; nearest is ${nearest.nodeName}, which lacks ${lack}; ${advice}`;
}

/** Names the nodes that would do, were it not for an operator's word. */
function heldBack(verdicts: readonly NodeVerdict[]): string {
  const held = verdicts.filter(({ verdict }) => ADMIN_VERDICTS.has(verdict));
  const named = held.slice(0, MAX_NAMED).map(({ nodeName, verdict }) => `${nodeName} is ${verdict}`);
  const more = held.length > MAX_NAMED ? [`and ${held.length - MAX_NAMED} more like them`] : [];
  return [...named, ...more].map((part) => `; ${part}`).join("");
}

const ADMIN_VERDICTS: ReadonlySet<NodeVerdict["verdict"]> = new Set(["cordoned", "draining", "drained"]);
const MAX_NAMED = 3;
