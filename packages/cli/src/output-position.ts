import type { Task } from "@drover/shared/api/jobs.ts";
import { isTerminalTaskState } from "@drover/shared/domain/task.ts";

/**
 * How far a reader is in a task's output: `offset` bytes have been read since the beginning of `attempt`.
 * A followed output goes on into further attempts without a mark between them, so `offset` may lie beyond
 * the attempt's end: the rest then belongs to the attempts after it.
 */
export interface OutputPosition {
  attempt: number;
  offset: number;
}

export type NextRead =
  /** Go on there. */
  | { type: "read"; position: OutputPosition }
  /** Nothing has started yet: whoever follows waits for the first attempt. */
  | { type: "first" }
  /** Everything there is was read, and another attempt will come. */
  | { type: "wait"; position: OutputPosition }
  | { type: "done" };

/** Where to go on reading, by what the coordinator says of the task's attempts. */
export function nextRead(task: Task, { attempt, offset }: OutputPosition): NextRead {
  for (const { number, state, outputBytes } of task.attempts) {
    if (number < attempt) continue;
    // The size of an attempt that has not ended is not final: what was read may be more than it says.
    if (state !== "ended" || offset < outputBytes) return { type: "read", position: { attempt: number, offset } };
    attempt = number + 1;
    offset -= outputBytes;
  }
  if (isTerminalTaskState(task.state)) return { type: "done" };
  return task.attempts.length === 0 ? { type: "first" } : { type: "wait", position: { attempt, offset } };
}
