import type { Task } from "@drover/shared/api/jobs.ts";
import type { DroverClient } from "@drover/shared/client/client.ts";
import { isDroverError } from "@drover/shared/errors.ts";
import { nextRead, type OutputPosition } from "./output-position.ts";
import { isConnectionLoss, type Reconnector } from "./reconnector.ts";

export interface OutputFollow {
  client: DroverClient;
  reconnector: Reconnector;
  jobId: number;
  taskIndex: number;
  /** Only this attempt; without it all of them, from the first on. */
  attempt?: number | undefined;
  write: (bytes: Uint8Array) => Promise<void>;
  /** Stops following; nothing is thrown. */
  signal: AbortSignal;
}

/** Before another look at a task that waits for its next attempt, or whose stream ended without a byte. */
const LOOK_AGAIN_MS = 300;

/**
 * Writes a task's output as it comes, until the task (or the one attempt) has ended: each byte once and in
 * order, however often the connection breaks or the coordinator restarts on the way.
 *
 * What ends a stream is never trusted: a coordinator that shuts down ends it as neatly as a task that is
 * through. Only the task's own record says that nothing is missing.
 */
export async function followOutput(follow: OutputFollow): Promise<void> {
  try {
    await followToEnd(follow);
  } catch (error) {
    if (!follow.signal.aborted) throw error;
  }
}

async function followToEnd(follow: OutputFollow): Promise<void> {
  const { reconnector, signal } = follow;
  let position: OutputPosition = { attempt: follow.attempt ?? 1, offset: 0 };
  // The number of an attempt that is not there yet cannot be asked for; its task can, and answers with it.
  let askByNumber = follow.attempt !== undefined;
  while (!signal.aborted) {
    const bytesRead = await readStream(follow, position, askByNumber);
    position = { ...position, offset: position.offset + bytesRead };
    const task = await reconnector.request(() => readTask(follow), signal);
    const next = nextRead(task, position);
    if (next.type === "done" || isBeyond(next, follow.attempt)) return;
    if (next.type !== "first") position = next.position;
    if (next.type === "read") askByNumber = true;
    if (bytesRead === 0) await reconnector.pause(LOOK_AGAIN_MS, signal);
  }
}

/** Reads until the stream ends, for whatever reason; resolves to how many bytes came. */
async function readStream(follow: OutputFollow, position: OutputPosition, askByNumber: boolean): Promise<number> {
  const { client, jobId, taskIndex, write, signal } = follow;
  const stop = new AbortController();
  const request = { task: taskIndex, follow: true, signal: AbortSignal.any([signal, stop.signal]) };
  let bytesRead = 0;
  try {
    const stream = await client.readOutput(jobId, askByNumber ? { ...request, ...position } : request);
    // Asked without a number, the coordinator answers with the latest attempt: of a task that fails within
    // a blink, that may be a later one than we want to begin with.
    if (!askByNumber && stream.attemptNumber > position.attempt) return 0;
    for await (const bytes of stream.bytes) {
      await write(bytes);
      bytesRead += bytes.byteLength;
    }
  } catch (error) {
    if (!isConnectionLoss(error) && !isNotThereYet(error)) throw error;
  } finally {
    stop.abort();
  }
  return bytesRead;
}

function isNotThereYet(error: unknown): boolean {
  return isDroverError(error) && (error.code === "attempt.notFound" || error.code === "output.notFound");
}

function isBeyond(next: ReturnType<typeof nextRead>, onlyAttempt: number | undefined): boolean {
  if (onlyAttempt === undefined || next.type === "first" || next.type === "done") return false;
  return next.position.attempt > onlyAttempt;
}

async function readTask({ client, jobId, taskIndex }: OutputFollow): Promise<Task> {
  const { tasks } = await client.getJob(jobId, taskIndex, 1);
  const task = tasks[0];
  if (task?.index !== taskIndex) throw new Error(`the coordinator left out task ${taskIndex} of job ${jobId}`);
  return task;
}
