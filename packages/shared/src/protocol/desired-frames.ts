import type {
  AssignedAttempt,
  AssignedJob,
  Assignment,
  DesiredAttempt,
  DesiredChanges,
  HeldDesire,
} from "./messages.ts";
import type { JobId } from "../domain/ids.ts";

/** About as much text as one frame gets; a single job more, because its spec is below 1 MiB anyway. */
const FRAME_TEXT_CHARS = 4 * 1024 * 1024;
/** An attempt's own part, generously. */
const ATTEMPT_TEXT_CHARS = 512;

/** Splits what a turn decided for one node into frames of bounded size, each job's part said once in each. */
export function* encodeDesired(attempts: readonly DesiredAttempt[]): Generator<DesiredChanges> {
  let frame = new FrameBuilder();
  for (const attempt of attempts) {
    if (frame.textChars >= FRAME_TEXT_CHARS || !frame.takes(attempt)) {
      yield frame.build();
      frame = new FrameBuilder();
    }
    frame.add(attempt);
  }
  if (frame.textChars > 0) yield frame.build();
}

/** The other way round. An attempt whose job the frame does not hold is left out: nothing of it can be run. */
export function decodeDesired(frame: DesiredChanges): DesiredAttempt[] {
  const jobs = new Map(frame.jobs.map((job) => [job.jobId, job]));
  const desired: DesiredAttempt[] = [...frame.held];
  for (const attempt of frame.run) {
    const job = jobs.get(attempt.jobId);
    if (job) desired.push({ desired: "run", attemptId: attempt.attemptId, assignment: { ...job, ...attempt } });
  }
  return desired;
}

class FrameBuilder {
  readonly #jobs = new Map<JobId, AssignedJob>();
  readonly #run: AssignedAttempt[] = [];
  readonly #held: HeldDesire[] = [];
  textChars = 0;

  /** The tasks of a sweep differ in their environment, which is in the job's part: each set needs a frame of its own. */
  takes(attempt: DesiredAttempt): boolean {
    if (attempt.desired !== "run") return true;
    const { jobId, env } = attempt.assignment;
    const job = this.#jobs.get(jobId);
    return job === undefined || job.env === env || JSON.stringify(job.env) === JSON.stringify(env);
  }

  add(attempt: DesiredAttempt): void {
    this.textChars += ATTEMPT_TEXT_CHARS;
    if (attempt.desired === "run") this.#addRun(attempt.assignment);
    else this.#held.push(attempt);
  }

  build(): DesiredChanges {
    return { type: "desired", jobs: [...this.#jobs.values()], run: this.#run, held: this.#held };
  }

  #addRun(assignment: Assignment): void {
    const { attemptId, taskIndex, attemptNumber, allocation, ...job } = assignment;
    this.#run.push({ attemptId, jobId: job.jobId, taskIndex, attemptNumber, allocation });
    if (this.#jobs.has(job.jobId)) return;
    this.#jobs.set(job.jobId, job);
    this.textChars += JSON.stringify(job).length;
  }
}
