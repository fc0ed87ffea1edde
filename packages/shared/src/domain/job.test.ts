import { describe, expect, it } from "vitest";
import { DEFAULT_RESOURCES, isTerminalJobState, JobState, JobSubmission, taskCount, toJobSpec } from "./job.ts";

/**
 * What a person reads who submitted this: one line per issue. What is wrong with a record's key lies one
 * level deeper (zod's `invalid_key`); the HTTP API shows it from there.
 */
function problemsOf(job: unknown): string[] {
  const parsed = JobSubmission.safeParse(job);
  if (parsed.success) return [];
  return parsed.error.issues.map((issue) => {
    const innermost = issue.code === "invalid_key" ? (issue.issues[0] ?? issue) : issue;
    return `${issue.path.join(".")}: ${innermost.message}`;
  });
}

describe("a job submission", () => {
  it.each<[string, object, string]>([
    [
      "an impossible size",
      { resources: { memory: "lots" } },
      'resources.memory: "lots" is not a size; say its unit, such as "512MiB" or "64GiB" (a bare number in a file counts bytes)',
    ],
    ["a unit that is read in two ways", { resources: { memory: "64G" } }, 'resources.memory: "64G" is not a size'],
    ["a negative size", { resources: { memory: -1 } }, "resources.memory: "],
    ["an array out of bounds", { array: { size: 1e9 } }, "array.size: Too big: expected number to be <=100000"],
    ["an array of nothing", { array: { size: 0 } }, "array.size: Too small: expected number to be >=1"],
    ["half an array member", { array: { size: 1.5 } }, "array.size: Invalid input: expected int, received number"],
    ["command and script", { script: "true" }, "command: give exactly one of command and script"],
    ["neither command nor script", { command: undefined }, "command: give exactly one of command and script"],
    ["an empty command", { command: [] }, "command: command is a list of words"],
    ["a program without a name", { command: ["", "x"] }, "command: the program's name is empty"],
    ["a NUL in an argument", { command: ["echo", "a\0b"] }, "command.1: must not contain a NUL character"],
    ["an unknown field", { comand: ["true"] }, ": there is no field comand; a job may have name, command, script"],
    [
      "an unknown resource",
      { resources: { gpu: 1 } },
      "resources: there is no field gpu; resources may have cpus, memory, gpus",
    ],
    [
      "a bad variable name",
      { env: { "MY-VAR": "1" } },
      "env.MY-VAR: an environment variable's name is letters, digits and _",
    ],
    [
      "a variable that is ours",
      { env: { DROVER_JOB_ID: "1" } },
      "env.DROVER_JOB_ID: names that start with DROVER_ are set by Drover itself",
    ],
    ["a relative directory", { workDir: "data" }, "workDir: workDir is an absolute path on the node"],
    ["one job in place of a list", { after: 12 }, "after: after is a list of jobs, such as [12, "],
    ["a job by its name", { after: ["train"] }, "after.0: write a job's id, such as 12, or {job: 12, when: onFailure}"],
    [
      "an unknown condition",
      { after: [{ job: 12, when: "later" }] },
      "after.0: write a job's id, such as 12, or {job: 12, when: onFailure}; when is onSuccess, onFailure or always",
    ],
    ["a job to come after twice", { after: [12, { job: 12, when: "always" }] }, "after.1: names job 12 twice"],
    [
      "more jobs to come after than we count",
      { after: Array.from({ length: 101 }, (_, index) => index + 1) },
      "after: after names at most 100 jobs",
    ],
    ["a timeout of nothing", { timeout: 0 }, "timeout: a timeout is between 1 ms and 10 years"],
    ["a timeout in words", { timeout: "soon" }, 'timeout: "soon" is not a duration'],
    ["cpus finer than we count", { resources: { cpus: 0.0001 } }, "resources.cpus: cpus counts in thousandths"],
    ["a negative cpu", { resources: { cpus: -1 } }, "resources.cpus: Too small"],
    ["more than one GPU in parts", { resources: { gpus: 1.5 } }, "resources.gpus: GPUs are a whole number, or a share"],
    ["a share finer than we count", { resources: { gpus: 0.0001 } }, "resources.gpus: GPUs are a whole number, or a"],
    [
      "GPUs in words",
      { resources: { gpus: "two" } },
      "resources.gpus: gpus is a number, such as 2 or 0.25, or says which",
    ],
    ["no model", { resources: { gpus: { model: [] } } }, "resources.gpus"],
    [
      "a memory without a unit",
      { resources: { gpus: { memory: ">=40" } } },
      'resources.gpus: gpus is a number, such as 2 or 0.25, or says which: {count: 2, model: [A100-80GB], memory: ">=40GiB"}',
    ],
    [
      "a count and a share of memory",
      { resources: { gpus: 1, gpuMemory: "10GiB" } },
      "resources.gpuMemory: give a count of GPUs or a share of one GPU's memory, not both",
    ],
    [
      "a share of no memory",
      { resources: { gpuMemory: 0 } },
      "resources.gpuMemory: a share of a GPU's memory is more than nothing",
    ],
    ["a priority in parts", { priority: 0.5 }, "priority: Invalid input: expected int"],
    ["a priority beyond all others", { priority: 1001 }, "priority: Too big"],
    ["endless retries", { retries: 1000 }, "retries: Too big"],
    ["a label's key with a space", { labels: { "a b": "c" } }, "labels.a b: a label's key is 1 to 63 letters"],
    ["an unknown policy", { onDisconnect: "ignore" }, 'onDisconnect: Invalid option: expected one of "restart"|"wait"'],
  ])("with %s is refused with words that help", (_name, fields, message) => {
    const problems = problemsOf({ command: ["true"], ...fields });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
  });

  it.each([null, 1, "true", [], { command: "true" }, { command: [{}] }])("that is %j is refused", (job) => {
    expect(problemsOf(job)).not.toEqual([]);
  });

  it.each([0.001, 0.05, 0.1, 0.3, 1, 1.5, 2.001, 63.999, 1000])("may ask for %d cpus", (cpus) => {
    const submission = JobSubmission.parse({ command: ["true"], resources: { cpus } });
    expect(toJobSpec(submission).resources.cpuMilli).toBe(Math.round(cpus * 1000));
  });
});

describe("a job spec", () => {
  it("fills in what was not said", () => {
    expect(toJobSpec(JobSubmission.parse({ command: ["true"] }))).toEqual({
      name: null,
      command: ["true"],
      script: null,
      env: {},
      workDir: null,
      resources: DEFAULT_RESOURCES,
      arraySize: null,
      sweep: null,
      after: [],
      priority: 0,
      timeoutMs: null,
      maxRetries: 0,
      labels: {},
      onDisconnect: "restart",
    });
  });

  it("keeps what was said, in plain numbers", () => {
    const submission = JobSubmission.parse({
      name: "train",
      script: "#!/bin/sh\ntrue",
      env: { SEED: "1" },
      workDir: "/data",
      resources: { cpus: 0.5, memory: "64GiB", gpus: 2 },
      array: { size: 8 },
      after: [12, { job: 13, when: "onFailure" }, { job: 14, when: "always" }, { job: 15 }],
      timeout: "90m",
      retries: 3,
      labels: { team: "vision" },
      onDisconnect: "wait",
    });
    expect(toJobSpec(submission)).toMatchObject({
      resources: { cpuMilli: 500, memoryBytes: 68_719_476_736, gpuCount: 2 },
      arraySize: 8,
      sweep: null,
      after: [
        { jobId: 12, when: "onSuccess" },
        { jobId: 13, when: "onFailure" },
        { jobId: 14, when: "always" },
        { jobId: 15, when: "onSuccess" },
      ],
      timeoutMs: 5_400_000,
      maxRetries: 3,
      onDisconnect: "wait",
    });
    expect(taskCount(toJobSpec(submission))).toBe(8);
  });
});

describe("a job's state", () => {
  it("is final in three cases", () => {
    expect(Object.values(JobState).filter(isTerminalJobState)).toEqual(["succeeded", "failed", "canceled"]);
  });
});
