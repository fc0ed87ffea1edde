import { Effects } from "@drover/coordinator/core/effects.ts";
import { Fleet } from "@drover/coordinator/core/fleet.ts";
import type { Command, Happening } from "@drover/coordinator/core/input.ts";
import { placeTasks } from "@drover/coordinator/core/scheduler/place-tasks.ts";
import { step } from "@drover/coordinator/core/step.ts";
import { helloOf, type DescribedNode } from "@drover/coordinator/rehearsal/described-node.ts";
import type { AttemptId, JobId } from "@drover/shared/domain/ids.ts";
import type { JobSpec } from "@drover/shared/domain/job.ts";
import type { TraceNode } from "./trace.ts";

const SETTINGS = {
  incarnation: "bench0",
  leaseMs: 60_000,
  heartbeatIntervalMs: 5_000,
  stopGraceMs: 10_000,
  hubEndpoint: "https://hub.test",
};
const NOW = { wallMs: 1_700_000_000_000, monotonicMs: 1_000 };

export interface PassTime {
  wallMs: number;
  /** Of this thread alone, where others use the machine too; some kernels count it in steps of 4 ms. */
  threadMs: number;
}

/** The coordinator's own core without a store: turns commit at once. */
export class CoreFleet {
  readonly fleet = new Fleet(SETTINGS, 1);
  /** Of the job that was submitted last. */
  lastJobId = 0 as JobId;

  constructor(nodes: readonly TraceNode[]) {
    const hellos = nodes.map((node, index) => helloOf(describe(node, index), index, NOW));
    this.turn(...hellos);
  }

  /** Returns how long the placement pass took. */
  turn(...inputs: (Command | Happening)[]): PassTime {
    const effects = new Effects();
    for (const input of inputs) {
      const result = step(this.fleet, input, effects, NOW);
      if (result?.ok && "jobId" in result) this.lastJobId = result.jobId;
    }
    const beginMs = performance.now();
    const begin = process.threadCpuUsage();
    placeTasks(this.fleet, effects, NOW);
    const { user, system } = process.threadCpuUsage(begin);
    const wallMs = performance.now() - beginMs;
    this.fleet.commit();
    return { wallMs, threadMs: (user + system) / 1000 };
  }

  submission(spec: JobSpec): Command {
    return { type: "submitJob", spec, actor: "bench", idempotency: null, storedUnderKey: null, storedEnds: new Map() };
  }

  /** One attempt ends, if it is still there; returns how long the placement pass took. */
  endOne(attemptId: AttemptId): PassTime | null {
    const attempt = this.fleet.attempts.get(attemptId);
    if (!attempt) return null;
    const sessionId = this.fleet.sessionIdOf(attempt.nodeId) ?? 0;
    const report = {
      attemptId,
      state: "ended" as const,
      pid: 1,
      startedAtMs: 1,
      endedAtMs: NOW.wallMs,
      outputBytes: 0,
      usage: null,
      outcome: { type: "exited" as const, code: 0 },
    };
    return this.turn({ type: "attemptReports", sessionId, nodeId: attempt.nodeId, reports: [report] });
  }

  cancel(jobId: JobId): void {
    this.turn({ type: "cancelJob", jobId, actor: "bench" });
  }
}

export function describe({ cpuMilli, memoryBytes, gpuCount, gpuModel }: TraceNode, index: number): DescribedNode {
  const gpus = Array.from({ length: gpuCount }, () => ({ model: gpuModel, memoryBytes: null }));
  return { name: `node${index + 1}`, site: null, cpuMilli, memoryBytes, gpus };
}
