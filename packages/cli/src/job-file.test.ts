import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseJobFile } from "./job-file.ts";

const EXAMPLES = join(import.meta.dirname, "../../../examples");

describe("a job file", () => {
  test.each(["hello.yaml", "array.yaml", "script.yaml", "after.yaml", "gpu-share.yaml", "timeout.yaml"])(
    "examples/%s is one as it stands",
    (file) => {
      expect(() => parseJobFile(readFileSync(join(EXAMPLES, file), "utf8"), file)).not.toThrow();
    },
  );

  test.each(["sweep.yaml", "best.yaml"])("examples/digits-sweep/%s is one with its marks replaced", (file) => {
    const text = readFileSync(join(EXAMPLES, "digits-sweep", file), "utf8");
    const job = parseJobFile(text.replaceAll("@CHECKOUT@", "/srv/drover").replaceAll("@JOB_ID@", "1"), file);
    expect(job.workDir).toBe("/srv/drover/examples/digits-sweep");
  });

  test("may be JSON", () => {
    expect(parseJobFile('{"command": ["true"]}', "job.json")).toEqual({ command: ["true"] });
  });

  test("that is neither is refused with its line", () => {
    expect(() => parseJobFile("a: [1", "job.yaml")).toThrow(/^job\.yaml is neither YAML nor JSON: .* line 1/);
  });

  test("with an impossible size is refused with the field's name and what to write", () => {
    const text = "command: [ls]\nresources: {memory: lots}\n";
    expect(() => parseJobFile(text, "job.yaml")).toThrow(
      /^job\.yaml: resources\.memory: "lots" is not a size; say its unit/,
    );
  });

  test("with an unknown field is refused with that field", () => {
    expect(() => parseJobFile("comand: [ls]", "job.yaml")).toThrow(/comand/);
  });
});
