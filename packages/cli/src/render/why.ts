import type { JobDetail } from "@drover/shared/api/jobs.ts";
import { formatResources } from "@drover/shared/domain/format-resources.ts";
import { CONSTRAINTS, type ExpectedStart, type WaitingReason } from "@drover/shared/domain/waiting-reason.ts";
import { formatDuration } from "@drover/shared/units.ts";
import { renderFields } from "./fields.ts";
import { renderWaiting } from "./job.ts";

/** The reason, the arithmetic behind it, and the nodes, the nearest miss first. */
export function renderWhy({ id, state, spec, tasksByState, waiting }: JobDetail): string {
  if (waiting === null) return `job ${id} is ${state}: none of its tasks waits\n`;
  const head = renderFields([
    ["job", `${id}: ${tasksByState.queued} ${tasksByState.queued === 1 ? "task waits" : "tasks wait"}`],
    ["each task", formatResources(spec.resources)],
  ]);
  return [head, renderWaiting(waiting, spec), ...arithmetic(waiting), ...outlook(waiting)].join("\n");
}

/** Its place in the queue, and where and when it can probably start. */
function outlook({ code, aheadCount, start }: WaitingReason): string[] {
  if (code === "dependency") return [];
  const ahead = aheadCount === 0 ? "nothing" : aheadCount === 1 ? "1 task" : `${aheadCount} tasks`;
  const lines: [string, string][] = [["before it", ahead]];
  if (start) lines.push(["start", `${whereOf(start)}${whenOf(start)}`]);
  return [renderFields(lines)];
}

function whereOf({ nodeName, isKept }: ExpectedStart): string {
  return isKept ? `${nodeName} is kept for it, and has room` : `${nodeName} has room first`;
}

function whenOf({ awaitedCount, awaitedJobIds, inMs, isBound }: ExpectedStart): string {
  if (awaitedCount === 0) return " now";
  const jobs = `${awaitedJobIds.length === 1 ? "job" : "jobs"} ${awaitedJobIds.join(", ")}`;
  const what = awaitedCount === awaitedJobIds.length ? jobs : `${awaitedCount} attempts there of ${jobs}`;
  const verb = awaitedCount === 1 ? "has" : "have";
  if (inMs === null) return ` when ${what} ${verb} ended; nobody knows when that is, without a timeout`;
  return ` when ${what} ${verb} ended, ${isBound ? "at the latest" : "by what such jobs took before"} in ${formatDuration(inMs)}`;
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
