import { describe, expect, test } from "vitest";
import { aNode } from "../testing/builders.ts";
import { UsageError } from "../usage-error.ts";
import { describeFleet, readJobs, readNodes, summarize } from "./descriptions.ts";

const GIB = 2 ** 30;

describe("a description of nodes", () => {
  test("is a table or a list, one row for each, or for so many alike", () => {
    const csv = 'name,count,cpus,memory,gpus,gpuModel,site\nbig,2,64,256GiB,8,"A100-80GB",lab\n\nsmall,,16,64GiB,,,\n';
    const yaml = [
      "- {name: big, count: 2, cpus: 64, memory: 256GiB, gpus: 8, gpuModel: A100-80GB, site: lab}",
      "- {name: small, cpus: 16, memory: 64GiB}",
    ].join("\n");
    const nodes = readNodes(csv, "nodes.csv");
    expect(readNodes(yaml, "nodes.yaml")).toEqual(nodes);
    expect(nodes.map(({ name, site, gpus }) => [name, site, gpus.length])).toEqual([
      ["big-1", "lab", 8],
      ["big-2", "lab", 8],
      ["small", null, 0],
    ]);
    expect(nodes[0]).toMatchObject({
      cpuMilli: 64_000,
      memoryBytes: 256 * GIB,
      gpus: [{ model: "A100-80GB" }, {}, {}, {}, {}, {}, {}, {}],
    });
    expect(summarize(nodes)).toBe("3 nodes, 16 GPUs, 144 CPUs, 576 GiB");
  });

  test("is refused with the place where it is wrong", () => {
    const refusal = (text: string, name: string) => expect(() => readNodes(text, name)).toThrow(UsageError);
    refusal("", "nodes.csv");
    refusal("cpus: 1", "nodes.yaml");
    expect(() => readNodes("cpus,memory\n4,8GiB\nmany,8GiB\n", "nodes.csv")).toThrow(/^nodes.csv line 3: cpus: /);
    expect(() => readNodes("- {cpus: 4, memory: 8GiB, colour: red}", "n.yaml")).toThrow(/^n.yaml entry 1: .*colour/);
    expect(() => readNodes("- [", "n.yaml")).toThrow(/n.yaml is neither YAML nor JSON: .*NAME.csv/);
  });

  test("is made of what agents say of theirs", () => {
    const [described] = describeFleet([aNode({ name: "gpu-07" })]);
    const { capacity } = aNode();
    expect(described).toMatchObject({ name: "gpu-07", cpuMilli: capacity.cpuMilli, memoryBytes: capacity.memoryBytes });
    expect(described?.gpus).toHaveLength(capacity.gpuIds.length);
  });
});

describe("a description of jobs", () => {
  test("says when they come, how long they run, and what they ask for", () => {
    const [sweep, other] = readJobs(
      "submit,runs,user,tasks,cpus,gpus,gpuModel,timeout,priority\n5m,1h,anna,20,2,0.5,A100|H100,2h,3\n,30s,,,,,,,\n",
      "j.csv",
    );
    expect(sweep).toMatchObject({ user: "anna", submitMs: 300_000, runMs: 3_600_000 });
    expect(sweep?.spec).toMatchObject({ arraySize: 20, timeoutMs: 7_200_000, priority: 3 });
    expect(sweep?.spec.resources).toMatchObject({
      cpuMilli: 2000,
      gpuCount: 1,
      gpuMilli: 500,
      gpuModels: ["A100", "H100"],
    });
    expect(other).toMatchObject({ user: "somebody", submitMs: 0, runMs: 30_000 });
  });

  test("is refused where no job may ask so", () => {
    expect(() => readJobs("- {runs: 1h, gpus: 1.5}", "jobs.yaml")).toThrow(/^jobs.yaml, job 1: .*whole number/);
  });
});
