import { gpuOf, type GpuDevice } from "@drover/shared/domain/gpu.ts";
import { WHOLE_GPU_MILLI } from "@drover/shared/domain/resources.ts";
import type { JobUser } from "../job-user.ts";
import { modelVariable, type RevisionId } from "@drover/shared/domain/model.ts";
import type { Assignment } from "@drover/shared/protocol/messages.ts";

/** What of the agent's own environment a task may see. Everything else may hold the operator's secrets. */
export const INHERITED_NAMES = ["PATH", "HOME", "LANG", "TZ", "USER"] as const;

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface EnvironmentContext {
  nodeName: string;
  /** Private to the attempt and removed with it, like `homeDir`. */
  tmpDir: string;
  homeDir: string;
  /** Of the machine, as the last probe found them. */
  gpus: readonly GpuDevice[];
  /** The agent's own variables; only INHERITED_NAMES are taken. */
  inherited: Readonly<Record<string, string | undefined>>;
  /** Of a revision that is ready; `null` where it is not. */
  modelPath(revisionId: RevisionId): string | null;
  /** Where the Hub's libraries find what is here; `null` on a node that keeps no models. */
  hubCachePath: string | null;
  /** As whom it runs; `null`: as the agent. */
  jobUser: JobUser | null;
}

/** The environment of a task's command: ours, overridden by the job's, except for what Drover says of itself. */
export function environmentFor(assignment: Assignment, context: EnvironmentContext): Record<string, string> {
  return {
    ...inheritedEnvironment(context.inherited),
    // Not the user's own home: what one job leaves in its .bashrc or .local would run in the next one's name.
    ...(context.jobUser && { HOME: context.homeDir, USER: context.jobUser.name }),
    TMPDIR: context.tmpDir,
    ...hubEnvironment(assignment, context),
    ...assignment.env,
    // Behind the job's own: it must not name itself devices that another attempt holds.
    ...gpuEnvironment(assignment.allocation.gpuIds, context.gpus),
    ...modelEnvironment(assignment, context),
    DROVER_JOB_ID: String(assignment.jobId),
    DROVER_TASK_INDEX: String(assignment.taskIndex),
    DROVER_TASK_COUNT: String(assignment.taskCount),
    DROVER_ATTEMPT: String(assignment.attemptNumber),
    DROVER_ATTEMPT_ID: assignment.attemptId,
    DROVER_NODE_NAME: context.nodeName,
    DROVER_CPUS: String(assignment.allocation.cpuMilli / 1000),
    DROVER_MEMORY_BYTES: String(assignment.allocation.memoryBytes),
    DROVER_GPUS: String((assignment.allocation.gpuIds.length * assignment.allocation.gpuMilli) / WHOLE_GPU_MILLI),
  };
}

/**
 * The Hub's libraries find the models of the job without asking anybody. Before the job's own variables: it may have
 * other models of its own.
 */
function hubEnvironment({ models = [] }: Assignment, { hubCachePath }: EnvironmentContext): Record<string, string> {
  if (models.length === 0 || hubCachePath === null) return {};
  return { HF_HUB_CACHE: hubCachePath, HF_HUB_OFFLINE: "1" };
}

/** Throws where one is not ready: the coordinator thought that it was. */
function modelEnvironment({ models = [] }: Assignment, { modelPath }: EnvironmentContext): Record<string, string> {
  return Object.fromEntries(
    models.map(({ name, revisionId }) => {
      const path = modelPath(revisionId);
      if (path === null) throw new Error(`the model ${name} is not ready on this node`);
      return [modelVariable(name), path];
    }),
  );
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
 * Each vendor's libraries have a variable of their own. By UUID where they take one, because indexes change with
 * reboots and with what the driver finds first. Set to nothing where no GPU of the vendor is held: unset would mean
 * "all of them" to CUDA and ROCm. Intel's mask cannot say "none", so it is set only where there is something to say.
 */
function gpuEnvironment(gpuIds: readonly string[], gpus: readonly GpuDevice[]): Record<string, string> {
  const held = gpuIds.map((id) => ({ id, gpu: gpuOf(gpus, id) }));
  // One that the last probe did not see is NVIDIA's, like all that old agents knew.
  const nvidia = held.filter(({ gpu }) => (gpu?.vendor ?? "nvidia") === "nvidia").map(({ id }) => id);
  const amd = held.flatMap(({ id, gpu }) => (gpu?.vendor === "amd" ? [isRocrId(id) ? id : String(gpu.index)] : []));
  const intel = held.flatMap(({ gpu }) => (gpu?.vendor === "intel" ? [String(gpu.index)] : []));
  return {
    CUDA_VISIBLE_DEVICES: nvidia.join(","),
    NVIDIA_VISIBLE_DEVICES: nvidia.join(","),
    // As nvidia-smi counts them, for programs that go by index within what they see.
    CUDA_DEVICE_ORDER: "PCI_BUS_ID",
    ROCR_VISIBLE_DEVICES: amd.join(","),
    ...(intel.length > 0 && { ZE_AFFINITY_MASK: intel.join(",") }),
  };
}

/** ROCm takes `GPU-` and sixteen hexadecimal digits, or an index. */
function isRocrId(id: string): boolean {
  return /^GPU-[0-9a-f]{16}$/.test(id);
}
