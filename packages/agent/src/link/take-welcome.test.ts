import { AttemptId } from "@drover/shared/domain/ids.ts";
import type { Welcome } from "@drover/shared/protocol/messages.ts";
import { expect, test } from "vitest";
import { takeWelcome } from "./take-welcome.ts";

const KEPT = AttemptId.parse("1.0.1-test00");
const WELCOME: Welcome = {
  type: "welcome",
  protocolVersion: 2,
  leaseMs: 3_000,
  heartbeatIntervalMs: 1_000,
  attempts: [{ desired: "keep", attemptId: KEPT }],
  outputOffsets: {},
};

function happenedAt({ hasLooseEnds }: { hasLooseEnds: boolean }): string[] {
  const happened: string[] = [];
  takeWelcome(WELCOME, 500, {
    shipper: { resume: () => happened.push("offsets") },
    attempts: {
      dropOthers: (wanted) => happened.push(`drop all but ${wanted.join()}`),
      hasLooseEnds: () => hasLooseEnds,
      apply: (desired) => happened.push(...desired.map((one) => `${one.desired} ${one.attemptId}`)),
    },
    lease: { renew: (sentAtMs, leaseMs) => happened.push(`lease until ${sentAtMs + leaseMs}`) },
  });
  return happened;
}

test("what was given away is dropped before the lease counts again, and what is wanted starts under the new one", () => {
  expect(happenedAt({ hasLooseEnds: false })).toEqual([
    "offsets",
    `drop all but ${KEPT}`,
    "lease until 3500",
    `keep ${KEPT}`,
  ]);
});

test("the lease does not count again while something that was given away may still start", () => {
  expect(happenedAt({ hasLooseEnds: true })).not.toContainEqual(expect.stringContaining("lease"));
});
