import { randomUUID } from "node:crypto";
import type { Job } from "@drover/shared/api/jobs.ts";
import { JobSubmission } from "@drover/shared/domain/job.ts";
import { UsageError } from "./usage-error.ts";
import type { Invocation } from "./invocation.ts";
import { isConnectionLoss, type Reconnector } from "./reconnector.ts";

/** Where a field of a submission is written, "" for all of it: names the place in a message. */
export type NameField = (path: string) => string;

/** Checks what somebody wrote before it is sent; the first thing that is wrong is said. */
export function checkSubmission(value: unknown, nameField: NameField): JobSubmission {
  const parsed = JobSubmission.safeParse(value);
  if (parsed.success) return value as JobSubmission;
  const issue = deepest(parsed.error.issues);
  const place = nameField(issue.path.join("."));
  throw new UsageError(place === "" ? issue.message : `${place}: ${issue.message}`);
}

/**
 * Submits the job once, even if the answer is lost on the way: the key lets the coordinator recognise the
 * second request. A coordinator that was not there at all is not waited for.
 */
export async function submitJob(
  { client }: Invocation,
  submission: JobSubmission,
  reconnector: Reconnector,
): Promise<Job> {
  const submit = (): Promise<Job> => client.submitJob(submission, { idempotencyKey });
  const idempotencyKey = randomUUID();
  try {
    return await submit();
  } catch (error) {
    if (!isConnectionLoss(error) || wasNeverConnected(error)) throw error;
    return reconnector.request(submit);
  }
}

/** The system says so where no connection was made: nothing can have been accepted. */
const NEVER_CONNECTED = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function wasNeverConnected(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && typeof cause.code === "string" && NEVER_CONNECTED.has(cause.code)) return true;
  }
  return false;
}

interface Issue {
  path: PropertyKey[];
  message: string;
  errors?: Issue[][];
}

/** What zod says of a union that says nothing of its own. */
const SAYS_NOTHING = "Invalid input";

/** Of a union's failure, the member that got furthest says what is wrong; where none got far, the union may know. */
function deepest(issues: readonly Issue[]): { path: string[]; message: string } {
  const issue = issues[0] ?? { path: [], message: "is no job" };
  const path = issue.path.map(String);
  const inner = issue.errors?.map((member) => deepest(member)).sort((a, b) => b.path.length - a.path.length)[0];
  return inner && (inner.path.length > 0 || issue.message === SAYS_NOTHING)
    ? { path: [...path, ...inner.path], message: inner.message }
    : { path, message: issue.message };
}
