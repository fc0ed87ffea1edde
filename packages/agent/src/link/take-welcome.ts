import type { Welcome } from "@drover/shared/protocol/messages.ts";
import type { Attempts } from "../attempts/attempts.ts";
import type { Lease } from "../lease.ts";
import type { OutputShipper } from "../output/shipper.ts";

interface Parts {
  shipper: Pick<OutputShipper, "resume">;
  attempts: Pick<Attempts, "dropOthers" | "hasLooseEnds" | "apply">;
  lease: Pick<Lease, "renew">;
}

/** Brings the node to what the coordinator says; the order is what keeps an attempt from running on two nodes. */
export function takeWelcome(welcome: Welcome, sentAtMonotonicMs: number, { shipper, attempts, lease }: Parts): void {
  // Offsets first: with them, what is listed after is known to be complete or not.
  shipper.resume(welcome.outputOffsets);
  // What was given away while the lease was over ends before the lease counts again: a supervisor that only now looks
  // at it would start its command beside another node's (simulation seed 3819322052).
  attempts.dropOthers(welcome.attempts.map(({ attemptId }) => attemptId));
  // What starts from here on starts under the new lease.
  if (!attempts.hasLooseEnds()) lease.renew(sentAtMonotonicMs, welcome.leaseMs);
  attempts.apply(welcome.attempts);
}
