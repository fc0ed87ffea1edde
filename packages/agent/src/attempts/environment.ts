import type { Assignment } from "@drover/shared/protocol/messages.ts";

/** What of the agent's own environment a task may see. Everything else may hold the operator's secrets. */
export const INHERITED_NAMES = ["PATH", "HOME", "LANG", "TZ", "USER"] as const;

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface EnvironmentContext {
  nodeName: string;
  /** Private to the attempt and removed with it. */
  tmpDir: string;
  /** The agent's own variables; only INHERITED_NAMES are taken. */
  inherited: Readonly<Record<string, string | undefined>>;
}

/** The environment of a task's command: ours, overridden by the job's, except for what Drover says of itself. */
export function environmentFor(assignment: Assignment, context: EnvironmentContext): Record<string, string> {
  return {
    ...inheritedEnvironment(context.inherited),
    TMPDIR: context.tmpDir,
    ...assignment.env,
    // Behind the job's own: it must not name itself devices that another attempt holds.
    ...gpuEnvironment(assignment.allocation.gpuIds),
    DROVER_JOB_ID: String(assignment.jobId),
    DROVER_TASK_INDEX: String(assignment.taskIndex),
    DROVER_TASK_COUNT: String(assignment.taskCount),
    DROVER_ATTEMPT: String(assignment.attemptNumber),
    DROVER_ATTEMPT_ID: assignment.attemptId,
    DROVER_NODE_NAME: context.nodeName,
    DROVER_CPUS: String(assignment.allocation.cpuMilli / 1000),
    DROVER_MEMORY_BYTES: String(assignment.allocation.memoryBytes),
  };
}

function inheritedEnvironment(own: EnvironmentContext["inherited"]): Record<string, string> {
  const taken: Record<string, string> = { PATH: DEFAULT_PATH };
  for (const name of INHERITED_NAMES) {
    const value = own[name];
    if (value !== undefined) taken[name] = value;
  }
  return taken;
}

/**
 * By UUID, because indexes change with reboots and with what the driver finds first. Set to nothing where no GPU
 * is held: unset would mean "all of them" to CUDA.
 */
function gpuEnvironment(gpuIds: readonly string[]): Record<string, string> {
  const visible = gpuIds.join(",");
  return { CUDA_VISIBLE_DEVICES: visible, NVIDIA_VISIBLE_DEVICES: visible, CUDA_DEVICE_ORDER: "PCI_BUS_ID" };
}
