import type { JobDetail } from "@drover/shared/api/jobs.ts";
import { MS_PER_SECOND } from "@drover/shared/units.ts";
import { tell } from "./invocation.ts";
import { isConnectionLoss } from "./reconnector.ts";
import type { Shell } from "./shell.ts";

/** A job that starts sooner has nothing to explain. */
const FIRST_LOOK_MS = 1.5 * MS_PER_SECOND;
const NEXT_LOOK_MS = 15 * MS_PER_SECOND;

/**
 * Says why a job that has not begun waits, and again when the reason changes: silence is the worst answer
 * to "why does nothing happen?". Ends by itself when the job begins; the returned function ends it before.
 */
export function noticeWaiting(shell: Shell, readJob: () => Promise<JobDetail>): () => void {
  let said = "";
  let cancel = shell.clock.callAfter(FIRST_LOOK_MS, look);
  let isStopped = false;

  function look(): void {
    readJob().then(notice, lookLater);
  }

  function notice({ id, state, waiting }: JobDetail): void {
    if (isStopped || state !== "queued") return;
    if (waiting && waiting.message !== said) {
      said = waiting.message;
      void tell(shell, `job ${id} waits: ${waiting.message}`);
    }
    lookLater(null);
  }

  function lookLater(error: unknown): void {
    // A notice is a courtesy: whoever follows the output meets the same trouble and says so.
    if (isStopped || (error !== null && !isConnectionLoss(error))) return;
    cancel = shell.clock.callAfter(NEXT_LOOK_MS, look);
  }

  return () => {
    isStopped = true;
    cancel();
  };
}
