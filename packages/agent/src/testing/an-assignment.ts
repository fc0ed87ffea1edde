import { AttemptId, type JobId } from "@drover/shared/domain/ids.ts";
import type { Assignment, DesiredAttempt } from "@drover/shared/protocol/messages.ts";

let lastJobId = 0;

/** An assignment in which only what a test is about needs to be said. */
export function anAssignment(overrides: Partial<Assignment> = {}): Assignment {
  lastJobId++;
  return {
    attemptId: AttemptId.parse(`${lastJobId}.0.1-test00`),
    jobId: lastJobId as JobId,
    jobName: null,
    taskIndex: 0,
    taskCount: 1,
    attemptNumber: 1,
    command: ["/bin/true"],
    script: null,
    env: {},
    workDir: null,
    allocation: { cpuMilli: 1000, memoryBytes: 64 * 1024 * 1024, gpuIds: [], gpuMilli: 1000 },
    timeoutMs: null,
    stopGraceMs: 5_000,
    onDisconnect: "restart",
    ...overrides,
  };
}

export function run(assignment: Assignment): DesiredAttempt {
  return { desired: "run", attemptId: assignment.attemptId, assignment };
}
