import type { Measures } from "@drover/coordinator/rehearsal/measure.ts";
import { formatDuration } from "@drover/shared/units.ts";
import { renderTable, type Column } from "./table.ts";

export interface Outcome {
  policy: string;
  measures: Measures;
}

/** One line for each policy. */
export function renderOutcomes(outcomes: readonly Outcome[], width: number | null): string {
  const duration = (amountOf: (measures: Measures) => number) => (outcome: Outcome) =>
    formatDuration(Math.round(amountOf(outcome.measures)));
  const columns: Column<Outcome>[] = [
    { title: "POLICY", cell: ({ policy }) => policy },
    { title: "TASKS", cell: ({ measures }) => String(measures.taskCount), alignRight: true },
    { title: "MAKESPAN", cell: duration(({ makespanMs }) => makespanMs), alignRight: true },
    { title: "WAIT MEAN", cell: duration(({ waitMeanMs }) => waitMeanMs), alignRight: true },
    { title: "P50", cell: duration(({ waitP50Ms }) => waitP50Ms), alignRight: true },
    { title: "P95", cell: duration(({ waitP95Ms }) => waitP95Ms), alignRight: true },
    { title: "MAX", cell: duration(({ waitMaxMs }) => waitMaxMs), alignRight: true },
    { title: "GPUS HELD", cell: ({ measures }) => percent(measures.gpuAllocatedPercent), alignRight: true },
    { title: "FREE IN NEED", cell: ({ measures }) => percent(measures.gpuFreeWhileWaitedForPercent), alignRight: true },
    { title: "FAIRNESS", cell: ({ measures }) => measures.fairness.toFixed(3), alignRight: true },
  ];
  const never = outcomes[0]?.measures.neverStartedCount ?? 0;
  const rest =
    never === 0
      ? ""
      : `${never} ${never === 1 ? "task is" : "tasks are"} too large for every node, and never started\n`;
  return `${renderTable(columns, outcomes, width)}${rest}`;
}

function percent(value: number): string {
  return `${value.toFixed(1)} %`;
}
