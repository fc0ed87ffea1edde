import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { toJobSpec, JobSubmission, type JobSpec } from "@drover/shared/domain/job.ts";
import { WHOLE_GPU_MILLI } from "@drover/shared/domain/resources.ts";
import { BYTES_PER_MIB, MS_PER_SECOND } from "@drover/shared/units.ts";

/** Where the trace is published, for those who do not have it yet. */
export const PUBLISHED_AT =
  "alibaba/clusterdata on GitHub, cluster-trace-gpu-v2023 (and hkust-adsl/kubernetes-scheduler-simulator, data/csv)";

const NODES_FILE = "openb_node_list_gpu_node.csv";
const TASKS_FILE = /^openb_pod_list_(\w+)\.csv$/;

export interface TraceNode {
  cpuMilli: number;
  memoryBytes: number;
  gpuCount: number;
  gpuModel: string;
}

/** One task of a trace; those that ask for the same share one spec. */
export interface TraceTask {
  spec: JobSpec;
  /** Of all its GPUs together. */
  gpuMilli: number;
}

export interface Trace {
  nodes: TraceNode[];
  /** By the name of the mix. */
  mixes: Map<string, TraceTask[]>;
}

/** `null` where the folder holds no such trace. */
export function readTrace(folder: string): Trace | null {
  if (!existsSync(join(folder, NODES_FILE))) return null;
  const mixes = new Map<string, TraceTask[]>();
  for (const file of readdirSync(folder).toSorted()) {
    const name = TASKS_FILE.exec(file)?.[1];
    if (name !== undefined) mixes.set(name, parseTasks(readFileSync(join(folder, file), "utf8")));
  }
  return { nodes: parseNodes(readFileSync(join(folder, NODES_FILE), "utf8")), mixes };
}

export function parseNodes(text: string): TraceNode[] {
  return parseCsv(text).map((row) => ({
    cpuMilli: numberOf(row, "cpu_milli"),
    memoryBytes: numberOf(row, "memory_mib") * BYTES_PER_MIB,
    gpuCount: numberOf(row, "gpu"),
    gpuModel: row["model"] ?? "",
  }));
}

export function parseTasks(text: string): TraceTask[] {
  const shared = new Map<string, TraceTask>();
  return parseCsv(text).map((row) => {
    const names = ["cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "gpu_spec"];
    const key = names.map((name) => row[name]).join();
    let task = shared.get(key);
    if (!task) {
      task = taskOf(row);
      shared.set(key, task);
    }
    return task;
  });
}

/** A task that ran, with its own times. */
export interface TimedTask extends TraceTask {
  arrivesMs: number;
  runMs: number;
}

/** `null` where there is no such mix, or it says no times. */
export function readTimedTasks(folder: string, mix: string): TimedTask[] | null {
  const file = join(folder, `openb_pod_list_${mix}.csv`);
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  return text.includes("scheduled_time") ? parseTimedTasks(text) : null;
}

/** What was never scheduled has no time of running, and is left out. */
export function parseTimedTasks(text: string): TimedTask[] {
  const rows = parseCsv(text).filter((row) => row["scheduled_time"] !== "");
  return rows.map((row) => ({
    ...taskOf(row),
    arrivesMs: numberOf(row, "creation_time") * MS_PER_SECOND,
    runMs: Math.max(1, numberOf(row, "deletion_time") - numberOf(row, "scheduled_time")) * MS_PER_SECOND,
  }));
}

function taskOf(row: Record<string, string>): TraceTask {
  const count = numberOf(row, "num_gpu");
  const milli = count === 1 ? numberOf(row, "gpu_milli") : WHOLE_GPU_MILLI;
  const models = (row["gpu_spec"] ?? "").split("|").filter((model) => model !== "");
  const submission: JobSubmission = {
    command: ["true"],
    resources: {
      cpus: numberOf(row, "cpu_milli") / 1000,
      memory: numberOf(row, "memory_mib") * BYTES_PER_MIB,
      ...(count > 0 && {
        gpus: { count: (count * milli) / WHOLE_GPU_MILLI, ...(models.length > 0 && { model: models }) },
      }),
    },
  };
  return { spec: toJobSpec(JobSubmission.parse(submission)), gpuMilli: count * milli };
}

function numberOf(row: Record<string, string>, column: string): number {
  const value = Number(row[column]);
  if (!Number.isSafeInteger(value)) throw new Error(`${column} is "${row[column]}", where a whole number is expected`);
  return value;
}

function parseCsv(text: string): Record<string, string>[] {
  const [head = "", ...lines] = text.trim().split(/\r?\n/);
  const columns = head.split(",");
  return lines.map((line) => {
    const cells = line.split(",");
    return Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? ""]));
  });
}
