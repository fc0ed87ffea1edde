import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runDrover } from "../main.ts";
import { aNode } from "../testing/builders.ts";
import { captureShell, type CapturedShell } from "../testing/captured-shell.ts";
import { sendJson, startFakeCoordinator } from "../testing/fake-coordinator.ts";

const EXAMPLES = join(import.meta.dirname, "../../../../examples/simulate");
const FILES = ["--nodes", join(EXAMPLES, "nodes.csv"), "--jobs", join(EXAMPLES, "jobs.csv")];

let folder: string;
let shell: CapturedShell;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "drover-simulate-"));
  shell = captureShell();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("drover simulate", () => {
  test("needs no coordinator, and compares policies on described nodes and jobs", async () => {
    const svg = join(folder, "chart.svg");
    const code = await runDrover(["simulate", ...FILES, "--policy", "drover", "--policy", "fifo", "--svg", svg], shell);
    expect([code, shell.stderr()]).toEqual([0, ""]);
    const lines = shell.stdout().split("\n");
    expect(lines[0]).toBe("4 nodes, 16 GPUs, 160 CPUs, 640 GiB; 4 jobs");
    expect(lines.filter((line) => /^(drover|fifo) +37 /.test(line))).toHaveLength(2);
    const chart = readFileSync(svg, "utf8");
    expect(chart).toMatch(/^<svg [\s\S]*>drover<[\s\S]*>fifo<[\s\S]*<\/svg>\n$/);
    expect(chart).not.toContain("NaN");
  });

  test("answers in JSON", async () => {
    expect(await runDrover(["simulate", ...FILES, "--json"], shell)).toBe(0);
    const { nodeCount, outcomes } = JSON.parse(shell.stdout()) as {
      nodeCount: number;
      outcomes: { policy: string; measures: { taskCount: number } }[];
    };
    expect([nodeCount, outcomes[0]?.policy, outcomes[0]?.measures.taskCount]).toEqual([4, "drover", 37]);
  });

  test("takes the nodes of the fleet, and those of a file beside them", async () => {
    const coordinator = await startFakeCoordinator();
    coordinator.on("GET /v1/nodes", (_request, response) => sendJson(response, { nodes: [aNode(), aNode()] }));
    const code = await runDrover(
      ["--coordinator", coordinator.url, "simulate", "--from-fleet", ...FILES, "--json"],
      shell,
    );
    expect(code).toBe(0);
    expect(JSON.parse(shell.stdout())).toMatchObject({ nodeCount: 6 });
    await coordinator.kill();
  });

  test("says what is missing or wrong", async () => {
    expect(await runDrover(["simulate", "--jobs", join(EXAMPLES, "jobs.csv")], shell)).toBe(2);
    expect(await runDrover(["simulate", ...FILES, "--policy", "best"], shell)).toBe(2);
    expect(await runDrover(["simulate", ...FILES, "--nodes", join(folder, "none.csv")], shell)).toBe(2);
    expect(shell.stderr().trimEnd().split("\n")).toEqual([
      "drover: there is no node to run on; describe some with --nodes FILE, or take --from-fleet",
      "drover: --policy best: there is drover, fifo, fifo-backfill, shortest-first",
      expect.stringContaining("none.csv cannot be read: there is no such file"),
    ]);
  });
});
