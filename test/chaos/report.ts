import type { Task } from "@drover/shared/api/jobs.ts";
import type { AttemptOutcome } from "@drover/shared/domain/attempt.ts";

export interface ChaosReport {
  seed: number;
  /** What stood between the daemons, and what this machine did not allow. */
  description: string;
  minutes: number;
  faults: ReadonlyMap<string, number>;
  /** Daemons that a full disk ended, and that were started again. */
  endsOnFullDisk: number;
  /** How often the coordinator gave up a silent node, and with it what ran there. */
  nodesGivenUp: number;
  /** How often the whole fleet was looked at while the faults went on. */
  looks: number;
  /** From the healing of the last fault until nothing was under way any more. */
  restMs: number;
  jobs: { known: number; acknowledged: number; forgotten: number; canceled: number };
  tasks: readonly Task[];
  executions: number;
  forgottenExecutions: number;
  /** Locks that were found held; what no restore explains is a violation too. */
  contentions: number;
  violations: readonly string[];
  /** Where logs, witness and database were kept; `null` where they were not. */
  evidence: string | null;
}

export function renderReport(report: ChaosReport): string {
  const { jobs, faults } = report;
  const attempts = report.tasks.flatMap((task) => task.attempts);
  const faultCount = [...faults.values()].reduce((sum, count) => sum + count, 0);
  const rows: [string, string][] = [
    ["seed", String(report.seed)],
    ["fleet", report.description],
    ["minutes", report.minutes.toFixed(1)],
    ["faults", `${faultCount}: ${listed(faults)}`],
    ["", `${report.endsOnFullDisk} daemons ended on a full disk, ${report.nodesGivenUp} nodes given up`],
    ["jobs", `${jobs.known} known, ${jobs.canceled} cancels acknowledged, ${jobs.forgotten} forgotten by restores`],
    ["acknowledged", `${jobs.acknowledged} times, repeats included`],
    ["tasks", `${report.tasks.length}: ${listed(countBy(report.tasks.map(endOf)))}`],
    ["executions", `${report.executions}, of which ${report.forgottenExecutions} of forgotten attempts`],
    ["", `${report.contentions} found their lock held: by or for a forgotten attempt, or it is a violation below`],
    ["attempts", `${attempts.length}: ${listed(countBy(attempts.map(({ outcome }) => nameOf(outcome))))}`],
    ["at rest after", `${(report.restMs / 1000).toFixed(1)} s`],
    ["looked", `${report.looks} times at the whole fleet`],
    ["violations", report.violations.length === 0 ? "none" : String(report.violations.length)],
    ...report.violations.map((violation): [string, string] => ["", violation]),
    ...(report.evidence ? [["evidence", report.evidence] satisfies [string, string]] : []),
  ];
  return rows.map(([name, value]) => `${name.padEnd(14)}${value}`).join("\n");
}

function listed(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
}

function countBy(names: readonly string[]): Map<string, number> {
  return new Map([...Map.groupBy(names, (name) => name)].map(([name, those]) => [name, those.length]));
}

function endOf({ state, cause }: Task): string {
  return state === "failed" ? `${state} (${cause})` : state;
}

function nameOf(outcome: AttemptOutcome | null): string {
  if (outcome === null) return "none yet";
  if (outcome.type === "exited") return outcome.code === 0 ? "exited 0" : "exited with a failure";
  if (outcome.type === "startFailed" || outcome.type === "nodeLost") return `${outcome.type} (${outcome.code})`;
  return outcome.type;
}
