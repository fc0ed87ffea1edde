import type { JobDetail } from "@drover/shared/api/jobs.ts";
import { formatResources } from "@drover/shared/domain/format-resources.ts";
import { CONSTRAINTS, type WaitingReason } from "@drover/shared/domain/waiting-reason.ts";
import { renderFields } from "./fields.ts";
import { renderWaiting } from "./job.ts";

/** The reason, the arithmetic behind it, and the nodes, the nearest miss first. */
export function renderWhy({ id, state, spec, tasksByState, waiting }: JobDetail): string {
  if (waiting === null) return `job ${id} is ${state}: none of its tasks waits\n`;
  const head = renderFields([
    ["job", `${id}: ${tasksByState.queued} ${tasksByState.queued === 1 ? "task waits" : "tasks wait"}`],
    ["each task", formatResources(spec.resources)],
  ]);
  return [head, renderWaiting(waiting, spec), ...arithmetic(waiting)].join("\n");
}

/** One line a constraint: how many nodes it rules out, and on how many it alone stands in the way. */
function arithmetic({ nodeCount, constraints }: WaitingReason): string[] {
  if (constraints.length === 0) return [];
  const lines = constraints.map(({ constraint, nodeCount: ruledOut, soleCount }) => {
    const alone = soleCount === 0 ? "" : `; on ${soleCount} of them nothing else stands in the way`;
    return `  ${String(ruledOut).padStart(String(nodeCount).length)} ${CONSTRAINTS[constraint]}${alone}\n`;
  });
  return [`Of ${nodeCount} ${nodeCount === 1 ? "node" : "nodes"}\n${lines.join("")}`];
}
