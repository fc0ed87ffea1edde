import { expect, test } from "vitest";
import { createLineSplitter, parseNotice } from "./notices.ts";

test("a notice says what happened to which attempt", () => {
  expect(parseNotice("started 8.0.1-abcdef 4711 1700000000000")).toEqual({
    type: "started",
    attemptId: "8.0.1-abcdef",
    pid: 4711,
    startedAtMs: 1700000000000,
  });
  expect(parseNotice("ended 8.0.1-abcdef")).toEqual({ type: "ended", attemptId: "8.0.1-abcdef" });
});

test.for(["", "ended", "ended ../../etc", "started 8.0.1-abcdef", "started 8.0.1-abcdef x 1", "exploded 8.0.1-abcdef"])(
  "%j is no notice",
  (line) => {
    expect(parseNotice(line)).toBeNull();
  },
);

test("lines are put together wherever the stream was cut", () => {
  const lines: string[] = [];
  const push = createLineSplitter((line) => lines.push(line));
  for (const chunk of ["a", "b\nc\n\nd", "", "e\nrest"]) push(chunk);
  expect(lines).toEqual(["ab", "c", "", "de"]);
});
