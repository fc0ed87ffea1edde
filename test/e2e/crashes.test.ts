import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { CHECKOUT, LocalFleet } from "../support/local-fleet.ts";

const CRASHES = 20;
const TASKS = 8;

/**
 * Trains as the sample does, and keeps a second record beside Drover's: one line per start of the
 * command, and a copy of all it writes.
 */
const WITNESSED_TRAINING = `
echo "$DROVER_ATTEMPT_ID" >> "$WITNESS/starts"
for repetition in 1 2; do node "$TRAIN"; done 2>&1 | tee "$WITNESS/output.$DROVER_ATTEMPT_ID"
`;

test("the sweep survives 20 crashes of agent and coordinator: every task succeeds, starts once per attempt, and all its output is there", async () => {
  await using fleet = await LocalFleet.start();
  const witness = join(fleet.folder, "witness");
  mkdirSync(witness);
  const job = await fleet.client.submitJob({
    name: "sweep",
    script: WITNESSED_TRAINING,
    array: { size: TASKS },
    env: {
      WITNESS: witness,
      TRAIN: join(CHECKOUT, "examples/digits-sweep/train.mjs"),
      PATH: process.env["PATH"] ?? "",
    },
    resources: { cpus: 1, memory: "256MiB" },
  });

  for (let crash = 0; crash < CRASHES; crash++) {
    // At random moments, which is the point: the pause is the fault's timing, not a wait for anything.
    await delay(Math.random() * 1500);
    if (crash % 2 === 0) await fleet.crashAgent();
    else await fleet.crashCoordinator();
  }
  await fleet.untilEnded(job.id);

  const detail = await fleet.client.getJob(job.id);
  const attempts = detail.tasks.flatMap((task) => task.attempts);
  expect(detail.tasksByState.succeeded, JSON.stringify(attempts.map((attempt) => attempt.outcome))).toBe(TASKS);
  const starts = readFileSync(join(witness, "starts"), "utf8").trim().split("\n");
  expect(starts.toSorted()).toEqual(attempts.map((attempt) => attempt.id).toSorted());
  for (const task of detail.tasks) {
    const written = readFileSync(join(witness, `output.${task.attempts.at(-1)?.id}`));
    expect(written.byteLength).toBeGreaterThan(100);
    expect((await fleet.outputOf(job.id, task.index)).equals(written)).toBe(true);
  }
  // Nothing of any attempt is left on the node once the coordinator has it all.
  await expect.poll(() => readdirSync(join(fleet.folder, "agent/attempts")), { timeout: 10_000 }).toEqual([]);
});
