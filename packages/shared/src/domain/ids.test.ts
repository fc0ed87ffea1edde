import { describe, expect, it } from "vitest";
import { AttemptId, formatAttemptId, incarnationOf, JobId, NodeId, taskKey } from "./ids.ts";

describe("an attempt id", () => {
  it("names job, task, attempt and the coordinator's incarnation", () => {
    const id = formatAttemptId({ jobId: JobId.parse(812), taskIndex: 3, attemptNumber: 1, incarnation: "k7q2mx" });
    expect(id).toBe("812.3.1-k7q2mx");
    expect(AttemptId.parse(id)).toBe(id);
    expect(incarnationOf(id)).toBe("k7q2mx");
  });

  // It becomes the name of a directory.
  it.each([
    "",
    "812.3.1",
    "812.3-k7q2mx",
    "../../etc-k7q2mx",
    "812.3.1-k7q2mx/x",
    "812.3.1-K7Q2MX",
    "812.3.1-k7q2mx\n",
  ])("is not %j", (text) => {
    expect(AttemptId.safeParse(text).success).toBe(false);
  });
});

describe("the other ids", () => {
  it("are refused when they are of another kind", () => {
    expect(NodeId.safeParse("node-4k7x9q2mab3c").success).toBe(true);
    expect(NodeId.safeParse("812.3.1-k7q2mx").success).toBe(false);
    expect(JobId.safeParse(0).success).toBe(false);
    expect(JobId.safeParse("812").success).toBe(false);
  });

  it("make a task's key", () => {
    expect(taskKey(JobId.parse(812), 3)).toBe("812.3");
  });
});
