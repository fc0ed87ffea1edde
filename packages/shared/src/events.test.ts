import { describe, expect, it } from "vitest";
import { DAEMON_LOG_LINES, EVENTS } from "./events.ts";

describe("the table of events", () => {
  it.each(Object.entries(EVENTS))("%s has a fixed text and one sentence of documentation", (name, { text, doc }) => {
    expect(name).toMatch(/^(job|task|attempt|node|gpu|site|model|placement)\.[a-z][A-Za-z]*$/);
    expect(text).toMatch(/^[a-z][a-zA-Z ]+$/);
    expect(doc).toMatch(/\.$/);
  });

  it.each(Object.entries(EVENTS))("%s carries the ids of what it is about", (name, { fields }) => {
    const ids = {
      job: ["jobId"],
      task: ["jobId", "taskIndex"],
      attempt: ["attemptId", "nodeId"],
      node: ["nodeId"],
      gpu: ["nodeId", "gpuId"],
      site: ["site"],
      model: ["modelName"],
      placement: ["nodeId", "revisionId"],
    };
    const subject = name.split(".")[0] as keyof typeof ids;
    for (const id of ids[subject]) expect(Object.keys(fields.shape)).toContain(id);
  });

  it("shares no name with the lines about the daemons", () => {
    expect(Object.keys(DAEMON_LOG_LINES).filter((name) => name in EVENTS)).toEqual([]);
  });
});
