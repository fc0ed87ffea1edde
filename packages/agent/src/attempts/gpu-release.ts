import type { GpuUse } from "../probe/live/gpu-use.ts";
import { BYTES_PER_GIB, BYTES_PER_MIB, formatBytes } from "@drover/shared/units.ts";
import type { HeldGpu } from "../spool/launch-file.ts";

/** A driver keeps a little more or less for itself from time to time. */
const SLACK_BYTES = 256 * BYTES_PER_MIB;
/** Where nobody said what was taken before: what a desktop may hold, and no job is content with. */
const USUALLY_TAKEN_BYTES = BYTES_PER_GIB;

/** How a GPU is, after the attempt that held it has ended. */
export type GpuCleanliness =
  | { is: "clean" }
  /** A process of the attempt lives on it. */
  | { is: "haunted"; pids: readonly number[] }
  /** Nothing was said of it since the attempt ended. */
  | { is: "unheard" }
  | { is: "dirty"; evidence: string };

export interface Departure {
  attemptId: string;
  endedAtMonotonicMs: number;
  isAlive(pid: number): boolean;
  /** Another attempt of ours holds a share of the same GPU. */
  isShared: boolean;
}

/** A GPU of which nobody says anything is clean: there is nothing to go by. */
export function cleanlinessOf(gpu: HeldGpu, use: GpuUse | undefined, departure: Departure): GpuCleanliness {
  if (use === undefined) return { is: "clean" };
  const own = use.processes.flatMap(({ pid, attemptId }) =>
    attemptId === departure.attemptId && pid !== null ? [pid] : [],
  );
  const pids = own.filter((pid) => departure.isAlive(pid));
  if (pids.length > 0) return { is: "haunted", pids };
  if (use.saidAtMs === null || use.saidAtMs <= departure.endedAtMonotonicMs) return { is: "unheard" };
  // In a container the driver names nobody: what is taken may all be what the others hold.
  if (departure.isShared && use.processes.length === 0) return { is: "clean" };
  const taken = takenBytes(use, departure.attemptId);
  if (taken === null || taken <= allowedBytes(gpu)) return { is: "clean" };
  return { is: "dirty", evidence: describeHolders(use) };
}

/** Of a GPU's memory, but for what other attempts hold: a GPU may be shared. `null`: nobody can say. */
export function takenBytes({ memoryUsedBytes, processes }: GpuUse, exceptFor: string | null): number | null {
  const others = processes.filter(({ attemptId }) => attemptId !== null && attemptId !== exceptFor);
  if (memoryUsedBytes === null || others.some(({ memoryBytes }) => memoryBytes === null)) return null;
  return Math.max(0, memoryUsedBytes - others.reduce((sum, { memoryBytes }) => sum + (memoryBytes ?? 0), 0));
}

/** With so much of it taken a GPU is as good as it was before the attempt. */
export function allowedBytes({ takenBytes }: HeldGpu): number {
  return (takenBytes ?? USUALLY_TAKEN_BYTES) + SLACK_BYTES;
}

export function describeHolders({ processes, memoryUsedBytes }: GpuUse): string {
  const named = processes.slice(0, 8).map(({ pid, user, command, memoryBytes }) => {
    const size = memoryBytes === null ? "" : ` (${formatBytes(memoryBytes)})`;
    return `pid ${pid ?? "?"}, ${user ?? "?"}, ${command ?? "?"}${size}`;
  });
  const taken = memoryUsedBytes === null ? "memory" : formatBytes(memoryUsedBytes);
  return `${taken} still taken by ${named.length === 0 ? "nobody that the driver names" : named.join("; ")}`;
}
