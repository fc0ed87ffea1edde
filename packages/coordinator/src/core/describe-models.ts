import { formatDuration, MS_PER_SECOND } from "@drover/shared/units.ts";
import type { ResourceRequest } from "@drover/shared/domain/resources.ts";
import type { Fleet } from "./fleet.ts";
import type { PlacementRecord } from "./records.ts";

/** How far the models are that a task waits for: `tiny is 63 % on gpu-01, about 40s more`. */
export function describeModels(fleet: Fleet, { models }: ResourceRequest): string {
  return (models ?? [])
    .map(({ name, revisionId }) => {
      const placements = [...fleet.placements.values()].filter(
        (one) => one.revisionId === revisionId && one.state !== "gone" && one.state !== "evicting",
      );
      if (placements.length === 0) return `${name} is on no node yet`;
      return `${name} is ${placements.map((one) => describePlacement(fleet, one)).join(", ")}`;
    })
    .join("; ");
}

function describePlacement(fleet: Fleet, { nodeId, revisionId, state, problem }: PlacementRecord): string {
  const where = fleet.nodes.get(nodeId)?.name ?? nodeId;
  if (problem) return `failed on ${where} (${problem.message})`;
  const sizeBytes = fleet.revisions.get(revisionId)?.sizeBytes ?? 0;
  const { bytesDone, bytesPerSecond } = fleet.modelUse.progressOf(nodeId, revisionId);
  if (state !== "pulling" || sizeBytes === 0) return `${state} on ${where}`;
  const percent = Math.floor((100 * bytesDone) / sizeBytes);
  const left = bytesPerSecond > 0 ? ((sizeBytes - bytesDone) / bytesPerSecond) * MS_PER_SECOND : null;
  return `${percent} % on ${where}${left === null ? "" : `, about ${formatDuration(Math.max(0, left))} more`}`;
}
