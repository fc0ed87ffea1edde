import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { acknowledgedSubmissionsStay } from "../invariants/invariants.ts";
import { judgeNodes, judgeTasks } from "../invariants/judge.ts";
import type { Execution, ObservedNode, ObservedTask } from "../invariants/observation.ts";
import { CHECKOUT, LocalFleet } from "../support/local-fleet.ts";

const CRASHES = 20;
const TASKS = 8;
const KEY = "the sweep";

/**
 * Trains as the sample does, and keeps a second record beside Drover's: one line for the start of the command and
 * one for its end, and a copy of all it writes.
 */
const WITNESSED_TRAINING = `
note() { echo "$1 $DROVER_ATTEMPT_ID $DROVER_NODE_NAME $(cut -d ' ' -f 1 /proc/uptime)" >> "$WITNESS/executions"; }
note start
for repetition in 1 2; do node "$TRAIN"; done 2>&1 | tee "$WITNESS/output.$DROVER_ATTEMPT_ID"
note end
`;

test("the sweep survives 20 crashes of agent and coordinator: every task succeeds, starts once per attempt, and all its output is there", async () => {
  await using fleet = await LocalFleet.start();
  const witness = join(fleet.folder, "witness");
  mkdirSync(witness);
  const submission = {
    name: "sweep",
    script: WITNESSED_TRAINING,
    array: { size: TASKS },
    env: {
      WITNESS: witness,
      TRAIN: join(CHECKOUT, "examples/digits-sweep/train.mjs"),
      PATH: process.env["PATH"] ?? "",
    },
    resources: { cpus: 1, memory: "256MiB" },
  };
  const job = await fleet.client.submitJob(submission, { idempotencyKey: KEY });

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
  // A client that never heard of its job asks again, and gets the same one.
  const { id } = await fleet.client.submitJob(submission, { idempotencyKey: KEY });
  expect(acknowledgedSubmissionsStay([{ idempotencyKey: KEY, jobId: job.id }], [{ id, idempotencyKey: KEY }])).toEqual(
    [],
  );
  const tasks = await observeTasks(fleet, witness, job.id);
  expect(judgeTasks(tasks)).toEqual([]);
  for (const { executions, outputs } of tasks) {
    // What a coordinator gave out just before it was killed may never have started; its successor made another.
    expect(executions.at(-1)?.attemptId).toBe(outputs.at(-1)?.attemptId);
    expect(outputs.at(-1)?.written.length).toBeGreaterThan(100);
  }
  // Nothing of any attempt is left on the node once the coordinator has it all.
  await expect.poll(async () => judgeNodes([await observeNode(fleet)]), { timeout: 10_000 }).toEqual([]);
});

async function observeTasks(fleet: LocalFleet, witness: string, jobId: number): Promise<ObservedTask[]> {
  const executions = readExecutions(join(witness, "executions"));
  const { tasks } = await fleet.client.getJob(jobId);
  return Promise.all(
    tasks.map(async ({ index, state, waitingReason, attempts }) => {
      const ids: string[] = attempts.map((attempt) => attempt.id);
      const outputs = attempts.map(async ({ id, number, outcome }) => ({
        attemptId: id,
        written: readIfThere(join(witness, `output.${id}`)),
        stored: (await fleet.outputOf(jobId, index, number)).toString("latin1"),
        isComplete: outcome?.type !== "nodeLost",
      }));
      return {
        jobId,
        index,
        states: [state],
        waitingReasons: waitingReason ? [waitingReason.code] : [],
        executions: executions.filter(({ attemptId }) => ids.includes(attemptId)),
        outputs: await Promise.all(outputs),
      };
    }),
  );
}

function readExecutions(file: string): Execution[] {
  const executions: Execution[] = [];
  for (const line of readFileSync(file, "utf8").trim().split("\n")) {
    const [what, attemptId = "", nodeName = "", uptimeSeconds] = line.split(" ");
    const atMs = Number(uptimeSeconds) * 1000;
    if (what === "start") executions.push({ attemptId, nodeName, startedAtMs: atMs, endedAtMs: null });
    const ended = executions.find((each) => each.attemptId === attemptId && each.endedAtMs === null);
    if (what === "end" && ended) ended.endedAtMs = atMs;
  }
  return executions;
}

function readIfThere(file: string): string {
  return existsSync(file) ? readFileSync(file, "latin1") : "";
}

async function observeNode(fleet: LocalFleet): Promise<ObservedNode> {
  const { name, capacity, allocated, attempts } = await fleet.client.getNode("local");
  return {
    name,
    capacity,
    allocations: [{ attemptId: "all of them", ...allocated }],
    settled: {
      desiredAttemptIds: attempts,
      heldAttemptIds: readdirSync(join(fleet.folder, "agent/attempts")),
    },
  };
}
