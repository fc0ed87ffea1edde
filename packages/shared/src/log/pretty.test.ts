import { describe, expect, test } from "vitest";
import { formatLogLine } from "./pretty.ts";

const time = new Date(2026, 10, 23, 9, 5, 7, 42).getTime();

describe("a log line for people", () => {
  test("shows time, level, event and fields in their order", () => {
    const line = JSON.stringify({
      level: 30,
      time,
      event: "attempt.started",
      attemptId: "8.0.1-abcdef",
      pid: 1,
      msg: "attempt started",
    });
    expect(formatLogLine(line)).toBe("09:05:07.042 INFO  attempt.started attemptId=8.0.1-abcdef\n");
  });

  test("reads levels and times as words too", () => {
    const line = JSON.stringify({ level: "warn", time: new Date(time).toISOString(), event: "node.lost" });
    expect(formatLogLine(line)).toBe("09:05:07.042 WARN  node.lost\n");
  });

  test("quotes what could be misread", () => {
    const line = JSON.stringify({
      level: 40,
      time,
      event: "x",
      reason: "no route",
      outcome: { type: "exited", code: 1 },
      empty: "",
    });
    expect(formatLogLine(line)).toBe(
      '09:05:07.042 WARN  x reason="no route" outcome={"type":"exited","code":1} empty=""\n',
    );
  });

  test("falls back to the sentence where there is no event", () => {
    expect(formatLogLine(JSON.stringify({ level: 50, time, msg: "it broke" }))).toBe('09:05:07.042 ERROR "it broke"\n');
  });

  test("passes on what is no JSON object", () => {
    expect(formatLogLine("Segmentation fault\n")).toBe("Segmentation fault\n");
    expect(formatLogLine("[1]")).toBe("[1]");
  });
});
