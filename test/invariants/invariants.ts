import type { Acknowledgement, Execution, ObservedJob, ObservedNode, ObservedTask } from "./observation.ts";

/**
 * What must never be false (DESIGN §5), by its number there. Each returns what breaks it, or nothing.
 * 7 (gangs) and 8 (placements) come with what they are about.
 */

const TERMINAL = new Set(["succeeded", "failed", "canceled"]);

export const TASK_INVARIANTS = {
  /** 2 */
  atMostOneExecution: ({ executions }: ObservedTask): string[] =>
    executions
      .toSorted((a, b) => a.startedAtMs - b.startedAtMs)
      .flatMap((later, index, all) => {
        const earlier = all[index - 1];
        return earlier && overlaps(earlier, later)
          ? [`${later.attemptId} started on ${later.nodeName} while ${earlier.attemptId} ran on ${earlier.nodeName}`]
          : [];
      }),

  /** 4 */
  terminalStatesStay: ({ states }: ObservedTask): string[] => {
    const end = states.findIndex((state) => TERMINAL.has(state));
    const after = end === -1 ? [] : states.slice(end + 1);
    return after.map((state) => `went from ${states[end]} to ${state}`);
  },

  /** 5 */
  commandStartedAtMostOnce: ({ executions }: ObservedTask): string[] => {
    const starts = Map.groupBy(executions, ({ attemptId }) => attemptId);
    return [...starts].flatMap(([attemptId, times]) =>
      times.length > 1 ? [`the command of ${attemptId} started ${times.length} times`] : [],
    );
  },

  /** 6 */
  outputStoredOnceInOrder: ({ outputs }: ObservedTask): string[] =>
    outputs.flatMap(({ attemptId, written, stored, isComplete }) => {
      if (!written.startsWith(stored)) return [`${attemptId}: what is stored is not what was written`];
      const missing = written.length - stored.length;
      return isComplete && missing > 0 ? [`${attemptId}: ${missing} bytes of output are missing`] : [];
    }),

  /** 11 */
  waitsForOneReason: ({ states, waitingReasons }: ObservedTask): string[] => {
    const expected = states.at(-1) === "queued" ? 1 : 0;
    return waitingReasons.length === expected
      ? []
      : [`is ${states.at(-1)} with ${waitingReasons.length} reasons to wait: ${waitingReasons.join(", ")}`];
  },
} as const satisfies Record<string, (task: ObservedTask) => string[]>;

export const NODE_INVARIANTS = {
  /** 3 */
  nothingPromisedTwice: ({ capacity, allocations }: ObservedNode): string[] => {
    const broken: string[] = [];
    const cpuMilli = sum(allocations, (allocation) => allocation.cpuMilli);
    const memoryBytes = sum(allocations, (allocation) => allocation.memoryBytes);
    if (cpuMilli > capacity.cpuMilli) broken.push(`${cpuMilli} of ${capacity.cpuMilli} thousandths of a CPU promised`);
    if (memoryBytes > capacity.memoryBytes)
      broken.push(`${memoryBytes} of ${capacity.memoryBytes} bytes of memory promised`);
    const shares = allocations.flatMap(({ attemptId, gpuShares }) =>
      gpuShares.map((share) => ({ attemptId, ...share })),
    );
    for (const [gpuId, those] of Map.groupBy(shares, (share) => share.gpuId)) {
      const gpuMilli = sum(those, (share) => share.gpuMilli);
      if (gpuMilli <= 1000) continue;
      broken.push(
        `${gpuMilli} thousandths of ${gpuId} promised to ${those.map((share) => share.attemptId).join(", ")}`,
      );
    }
    return broken;
  },

  /** 10 */
  holdsWhatItShould: ({ settled }: ObservedNode): string[] => {
    if (settled === null) return [];
    const held = settled.heldAttemptIds.toSorted().join(", ");
    const desired = settled.desiredAttemptIds.toSorted().join(", ");
    return held === desired ? [] : [`holds ${held || "nothing"}, and should hold ${desired || "nothing"}`];
  },
} as const satisfies Record<string, (node: ObservedNode) => string[]>;

/** 1 */
export const acknowledgedSubmissionsStay = (
  acknowledgements: readonly Acknowledgement[],
  jobs: readonly ObservedJob[],
): string[] => {
  const broken: string[] = [];
  const idsByKey = Map.groupBy(jobs, ({ idempotencyKey }) => idempotencyKey);
  for (const [key, twins] of idsByKey)
    if (key !== null && twins.length > 1) broken.push(`key ${key} made jobs ${twins.map(({ id }) => id).join(", ")}`);
  const ids = new Set(jobs.map(({ id }) => id));
  for (const { idempotencyKey, jobId } of acknowledgements) {
    if (!ids.has(jobId)) broken.push(`job ${jobId} was acknowledged and is not there`);
    const found = idempotencyKey === null ? undefined : idsByKey.get(idempotencyKey)?.[0];
    if (found && found.id !== jobId)
      broken.push(`key ${idempotencyKey} was answered with job ${jobId} and made ${found.id}`);
  }
  return broken;
};

/** 9: a text that was given in confidence stands in nothing that is written for people. */
export const secretsStayUnsaid = (secrets: readonly string[], text: string): string[] =>
  secrets.filter((secret) => text.includes(secret)).map((secret) => `"${secret}" is said in: ${text.slice(0, 200)}`);

function overlaps(earlier: Execution, later: Execution): boolean {
  return earlier.endedAtMs === null || later.startedAtMs < earlier.endedAtMs;
}

function sum<T>(items: readonly T[], amountOf: (item: T) => number): number {
  return items.reduce((total, item) => total + amountOf(item), 0);
}
