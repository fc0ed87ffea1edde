import type { Node } from "@drover/shared/api/nodes.ts";
import type { DescribedNode } from "@drover/coordinator/rehearsal/described-node.ts";
import type { RehearsedJob } from "@drover/coordinator/rehearsal/rehearse.ts";
import { JobSubmission, toJobSpec } from "@drover/shared/domain/job.ts";
import { MAX_ARRAY_SIZE } from "@drover/shared/domain/task-array.ts";
import { ByteSize, BYTES_PER_GIB, Duration } from "@drover/shared/units.ts";
import { z } from "zod";
import { UsageError } from "../usage-error.ts";
import { readRows } from "./read-rows.ts";

const MAX_NODES = 100_000;

/** One machine, or so many alike. */
const NodeRow = z.strictObject({
  name: z.coerce.string().default("node"),
  site: z.coerce.string().optional(),
  count: z.int().min(1).max(MAX_NODES).default(1),
  cpus: z.number().positive(),
  memory: ByteSize,
  gpus: z.int().min(0).max(1024).default(0),
  gpuModel: z.coerce.string().default("GPU"),
  gpuMemory: ByteSize.optional(),
});

/** One job: when it comes, how long each of its tasks runs, and what it asks for. */
const JobRow = z.strictObject({
  name: z.coerce.string().optional(),
  user: z.coerce.string().default("somebody"),
  submit: Duration.default(0),
  runs: Duration,
  tasks: z.int().min(1).max(MAX_ARRAY_SIZE).default(1),
  cpus: z.number().nonnegative().optional(),
  memory: ByteSize.optional(),
  gpus: z.number().nonnegative().optional(),
  /** Several with | between them. */
  gpuModel: z.coerce.string().optional(),
  priority: z.int().optional(),
  timeout: Duration.optional(),
});

export function readNodes(text: string, fileName: string): DescribedNode[] {
  return readRows(text, fileName, NodeRow).flatMap((row) => {
    const { name, site, count, cpus, memory, gpus, gpuModel, gpuMemory } = row;
    return Array.from({ length: count }, (_, index) => ({
      name: count === 1 ? name : `${name}-${index + 1}`,
      site: site ?? null,
      cpuMilli: Math.round(cpus * 1000),
      memoryBytes: memory,
      gpus: Array.from({ length: gpus }, () => ({ model: gpuModel, memoryBytes: gpuMemory ?? null })),
    }));
  });
}

export function readJobs(text: string, fileName: string): RehearsedJob[] {
  return readRows(text, fileName, JobRow).map((row, index) => {
    const { name, user, submit, runs, tasks, cpus, memory, gpus, gpuModel, priority, timeout } = row;
    const models = gpuModel?.split("|");
    const submission = JobSubmission.safeParse({
      command: ["true"],
      name,
      priority,
      timeout,
      ...(tasks > 1 && { array: { size: tasks } }),
      resources: {
        cpus,
        memory,
        ...(gpus !== undefined && { gpus: { count: gpus, ...(models && { model: models }) } }),
      },
    });
    if (!submission.success)
      throw new UsageError(`${fileName}, job ${index + 1}: ${submission.error.issues[0]?.message}`);
    return { spec: toJobSpec(submission.data), user, submitMs: submit, runMs: runs };
  });
}

/** What the fleet has: of each machine all that its agent offers, whether it is reachable now or not. */
export function describeFleet(nodes: readonly Node[]): DescribedNode[] {
  return nodes.map(({ name, site, capacity, hardware }) => {
    const gpus = capacity.gpuIds.map((id) => {
      const gpu = hardware.gpus.find((other) => other.id === id);
      return { model: gpu?.modelName ?? gpu?.model ?? "GPU", memoryBytes: gpu?.memoryBytes ?? null };
    });
    return { name, site, cpuMilli: capacity.cpuMilli, memoryBytes: capacity.memoryBytes, gpus };
  });
}

/** `3 nodes, 16 GPUs, 96 CPUs, 768 GiB`. */
export function summarize(nodes: readonly DescribedNode[]): string {
  const sum = (amountOf: (node: DescribedNode) => number): number =>
    nodes.reduce((all, node) => all + amountOf(node), 0);
  const gib = Math.round(sum(({ memoryBytes }) => memoryBytes) / BYTES_PER_GIB);
  return `${nodes.length} nodes, ${sum(({ gpus }) => gpus.length)} GPUs, ${sum(({ cpuMilli }) => cpuMilli) / 1000} CPUs, ${gib} GiB`;
}
