import { systemClock, type Clock } from "@drover/shared/clock.ts";

/**
 * The process's clock, with its monotonic time counted as the machine counts it (CLOCK_MONOTONIC) and not from
 * the start of this process: the supervisors compare their own with the lease that the agent writes.
 */
export const machineClock: Clock = {
  ...systemClock,
  monotonicMs: () => Number(process.hrtime.bigint() / 1000n) / 1000,
};
