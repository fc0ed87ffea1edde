import type { NodeDetail } from "@drover/shared/api/nodes.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runDrover } from "../main.ts";
import { aNode } from "../testing/builders.ts";
import { captureShell } from "../testing/captured-shell.ts";
import { sendJson, sendProblem, startFakeCoordinator, type FakeCoordinator } from "../testing/fake-coordinator.ts";
import { countOf, parseShare } from "./upgrade.ts";

let coordinator: FakeCoordinator;
let nodes: NodeDetail[];
/** How many restart at this moment, and at the most. */
let restarting = 0;
let mostRestarting = 0;

beforeEach(async () => {
  coordinator = await startFakeCoordinator();
  [restarting, mostRestarting] = [0, 0];
  nodes = Array.from({ length: 5 }, (_, i) => aNode({ id: `node-${i}`, name: `gpu-${i}`, agentVersion: "0.1.0" }));
  coordinator.on("GET /v1/nodes", (_request, response) => sendJson(response, { nodes }));
  nodes.forEach((_node, i) => behave(i, "0.2.0"));
});
afterEach(() => coordinator.kill());

/** It is gone for one look, and comes back as this version. */
function behave(i: number, becomes: string): void {
  const path = `/v1/nodes/node-${i}`;
  let looks = 0;
  const node = () => nodes[i] ?? aNode();
  coordinator.on(`POST ${path}/upgrade`, (_request, response) => {
    mostRestarting = Math.max(mostRestarting, ++restarting);
    sendJson(response, node());
  });
  coordinator.on(`GET ${path}`, (_request, response) => {
    looks++;
    if (looks === 2) {
      restarting--;
      nodes[i] = { ...node(), agentVersion: becomes, linkSince: "2026-02-03T04:05:06.000Z" };
    }
    sendJson(response, looks === 1 ? { ...node(), link: "disconnected" } : node());
  });
}

async function drover(...words: string[]) {
  const shell = captureShell();
  const exitCode = await runDrover(["--coordinator", coordinator.url, "upgrade", "--to", "0.2.0", ...words], shell);
  return { exitCode, stdout: shell.stdout(), stderr: shell.stderr() };
}

describe("an upgrade of the fleet", () => {
  test("goes over all nodes that are online, as many at a time as may be away", async () => {
    nodes[4] = aNode({ id: "node-4", name: "gpu-4", agentVersion: "0.2.0" });
    const { exitCode, stdout, stderr } = await drover("--max-unavailable", "2");
    expect(stdout).toBe("4 upgraded to 0.2.0, 1 were already, 0 failed, 0 left as they are\n");
    expect(stderr.split("\n").toSorted()).toContain("drover: gpu-3: is 0.2.0");
    expect(exitCode).toBe(0);
    expect(mostRestarting).toBe(2);
  });

  test("ends with the first node that goes back to its version", async () => {
    behave(1, "0.1.0");
    const { exitCode, stdout, stderr } = await drover("--json");
    expect(JSON.parse(stdout)).toEqual({
      version: "0.2.0",
      nodes: { "gpu-0": "upgraded", "gpu-1": "failed", "gpu-2": "skipped", "gpu-3": "skipped", "gpu-4": "skipped" },
    });
    expect(stderr).toContain("gpu-1: did not come online with 0.2.0, and is 0.1.0 again");
    expect(exitCode).toBe(1);
  });

  test("says why a node refuses", async () => {
    coordinator.on("POST /v1/nodes/node-0/upgrade", (_request, response) =>
      sendProblem(response, "node.upgradeFailed", "node-0 stays what it is: no space left."),
    );
    const { exitCode, stderr } = await drover();
    expect(stderr).toContain("gpu-0: node-0 stays what it is: no space left.");
    expect(exitCode).toBe(1);
  });
});

test("a share is of the nodes that are to be upgraded, and never none", () => {
  expect(countOf(parseShare("10%"), 57)).toBe(5);
  expect(countOf(parseShare("10%"), 3)).toBe(1);
  expect(countOf(parseShare("4"), 3)).toBe(4);
  for (const text of ["0", "0%", "101%", "x", "-1", ""]) expect(() => parseShare(text)).toThrow("write a number");
});
