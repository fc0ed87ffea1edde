import type { FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "@drover/shared/clock.ts";
import { DroverError } from "@drover/shared/errors.ts";
import type { FailedAttempts } from "../access/failed-attempts.ts";
import type { Log } from "../telemetry/log.ts";

/** Told of each token that is not valid, of whatever kind; throws `access.lockedOut` where there were too many. */
export type NoteInvalidToken = (request: FastifyRequest, reply: FastifyReply) => void;

export function lockOut(failedAttempts: FailedAttempts, clock: Clock, log: Log): NoteInvalidToken {
  return (request, reply) => {
    const judgement = failedAttempts.note(request.ip, clock.monotonicMs());
    if (!judgement.isLockedOut) return;
    if (judgement.isNew) log.warn({ event: "access.lockedOut", address: request.ip }, "address locked out");
    const retryAfterSeconds = Math.ceil(judgement.retryAfterMs / 1000);
    void reply.header("retry-after", String(retryAfterSeconds));
    throw new DroverError("access.lockedOut", `Invalid tokens from ${request.ip} are refused unseen for a while.`, {
      details: { retryAfterSeconds },
    });
  };
}
