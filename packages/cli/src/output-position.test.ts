import { describe, expect, test } from "vitest";
import { nextRead } from "./output-position.ts";
import { anAttempt, aTask } from "./testing/builders.ts";

const failedOf = (number: number, outputBytes: number) =>
  anAttempt({ number, outputBytes, outcome: { type: "exited", code: 1 } });

describe("where a reader goes on", () => {
  test("is the middle of an attempt that it has not read to its end", () => {
    const task = aTask({ attempts: [anAttempt({ outputBytes: 100 })] });
    expect(nextRead(task, { attempt: 1, offset: 40 })).toEqual({ type: "read", position: { attempt: 1, offset: 40 } });
  });

  test("is the next attempt where a stream broke beyond the end of the first", () => {
    const task = aTask({ attempts: [failedOf(1, 100), anAttempt({ number: 2, outputBytes: 50 })] });
    expect(nextRead(task, { attempt: 1, offset: 130 })).toEqual({ type: "read", position: { attempt: 2, offset: 30 } });
  });

  test("is an attempt that still runs, even if all its bytes so far were read", () => {
    const task = aTask({
      state: "running",
      attempts: [anAttempt({ state: "running", outcome: null, outputBytes: 10 })],
    });
    expect(nextRead(task, { attempt: 1, offset: 10 })).toEqual({ type: "read", position: { attempt: 1, offset: 10 } });
  });

  test("is nowhere yet while a failed task waits for its next attempt", () => {
    const task = aTask({ state: "queued", attempts: [failedOf(1, 100)] });
    expect(nextRead(task, { attempt: 1, offset: 100 })).toEqual({ type: "wait", position: { attempt: 2, offset: 0 } });
  });

  test("is the beginning of a task that has not started", () => {
    expect(nextRead(aTask({ state: "queued" }), { attempt: 1, offset: 0 })).toEqual({ type: "first" });
  });

  test("is the end where the task has ended and every byte of it was read", () => {
    const task = aTask({ attempts: [failedOf(1, 100), anAttempt({ number: 2, outputBytes: 50 })] });
    expect(nextRead(task, { attempt: 1, offset: 150 })).toEqual({ type: "done" });
    expect(nextRead(aTask({ state: "canceled" }), { attempt: 1, offset: 0 })).toEqual({ type: "done" });
  });
});
