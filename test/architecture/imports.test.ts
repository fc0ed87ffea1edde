import { describe, expect, it } from "vitest";
import { BOUNDARIES, TEST_BOUNDARIES, type Boundary } from "./boundaries.ts";
import { checkBoundaries, type SourceFile } from "./check-boundaries.ts";
import { projectFiles } from "./project-files.ts";

describe("the import table", () => {
  it("holds for every file of the project", () => {
    const files = projectFiles();
    expect(files.length, "the check saw no files").toBeGreaterThan(20);
    expect(checkBoundaries(files, BOUNDARIES, TEST_BOUNDARIES)).toEqual([]);
  });
});

/** Checks one planted file against the real table; the other files that the table wants are not there. */
function violations(path: string, text: string): string[] {
  const planted: SourceFile = { path, text };
  return checkBoundaries([planted], BOUNDARIES, TEST_BOUNDARIES).filter((problem) => problem.startsWith(`${path}:`));
}

describe("a planted violation", () => {
  const CORE = "packages/coordinator/src/core/planted.ts";

  it.each([
    ["a built-in of Node in core", CORE, 'import { readFileSync } from "node:fs";'],
    ["a package in core", CORE, 'import { z } from "zod";'],
    ["the clock in core", CORE, 'import { systemClock } from "@drover/shared/clock.ts";'],
    ["the store in core", CORE, 'import { openStore } from "../store/store.ts";'],
    ["the store's types in core", CORE, 'import type { Store } from "../store/store.ts";'],
    ["a type by import() in core", CORE, 'export type S = import("../store/store.ts").Store;'],
    ["a re-export of the store in core", CORE, 'export { openStore } from "../store/store.ts";'],
    ["a re-export of all of the store in core", CORE, 'export * from "../store/store.ts";'],
    ["a dynamic import in core", CORE, 'export const store = () => import("../store/store.ts");'],
    [
      "the engine in the scheduler",
      "packages/coordinator/src/core/scheduler/planted.ts",
      'import type { Engine } from "../../engine/engine.ts";',
    ],
    [
      "the agent in the coordinator",
      "packages/coordinator/src/coordinator.ts",
      'import { startAgent } from "@drover/agent/agent.ts";',
    ],
    [
      "the agent in a test of the coordinator",
      "packages/coordinator/src/http/planted.test.ts",
      'import { startAgent } from "@drover/agent/agent.ts";',
    ],
    [
      "the coordinator in the agent, by path",
      "packages/agent/src/agent.ts",
      'import { step } from "../../coordinator/src/core/step.ts";',
    ],
    [
      "the coordinator's types in the CLI",
      "packages/cli/src/main.ts",
      'import type { S } from "@drover/coordinator/x.ts";',
    ],
    [
      "the core as a value in the gateway",
      "packages/coordinator/src/gateway/planted.ts",
      'import { step } from "../core/step.ts";',
    ],
    [
      "the core as a value by an inline type import",
      "packages/coordinator/src/gateway/planted.ts",
      'import { type Fleet } from "../core/fleet.ts";',
    ],
    [
      "http in the store",
      "packages/coordinator/src/store/planted.ts",
      'import type { Route } from "../http/route.ts";',
    ],
    ["ws in http", "packages/coordinator/src/http/planted.ts", 'import { WebSocket } from "ws";'],
    ["Node in shared", "packages/shared/src/domain/planted.ts", 'import { join } from "node:path";'],
    ["Node in the client", "packages/shared/src/client/planted.ts", 'import { request } from "node:http";'],
    [
      "what is there for tests in shipped code",
      "packages/coordinator/src/engine/planted.ts",
      'import { fakeClock } from "@drover/shared/testing/fake-clock.ts";',
    ],
    [
      "an import that only the run time knows",
      "packages/agent/src/planted.ts",
      "export const load = (name: string) => import(name);",
    ],
    ["a package in the bootstrap", "deploy/local/bootstrap.mjs", 'import { execa } from "execa";'],
  ])("is found: %s", (_name, path, text) => {
    expect(violations(path, text)).not.toEqual([]);
  });

  it.each([
    "export const now = Date.now();",
    'export const now = Date["now"]();',
    "export const today = new Date();",
    "export const luck = Math.random();",
    "export const at = performance.now();",
    "export const pid = process.pid;",
    "export const id = crypto.randomUUID();",
    "export async function later() {}",
    "export const later = async () => 1;",
    "export function later(): Promise<void> { throw new Error(); }",
    "setTimeout(() => undefined, 1);",
    'console.log("x");',
    "export const g = globalThis;",
    "export const here = import.meta.dirname;",
  ])("is found in core: %s", (text) => {
    expect(violations(CORE, text)).not.toEqual([]);
  });

  it("says where, what and why", () => {
    expect(violations(CORE, '\nimport { readFileSync } from "node:fs";')).toEqual([
      `${CORE}:2: imports node:fs (core is pure: data in, decisions out; time, ids and randomness are arguments)`,
    ]);
  });

  it("is told apart from what is allowed", () => {
    const allowed = [
      'import { assertNever } from "@drover/shared/assert.ts";',
      'import type { Fleet } from "./fleet.ts";',
      "export const written = (nowMs: number) => new Date(nowMs).toISOString();",
      "export const x = { process: 1 };",
      "export const y = x.process;",
    ].join("\n");
    expect(violations(CORE, allowed)).toEqual([]);
    expect(
      violations("packages/coordinator/src/http/planted.ts", 'import type { Fleet } from "../core/fleet.ts";'),
    ).toEqual([]);
  });

  it("is found in the table itself: a file without a row, and a row without a file", () => {
    const row: Boundary = { files: "packages/coordinator/src/core/", may: [], why: "planted" };
    const file: SourceFile = { path: "packages/coordinator/src/elsewhere/planted.ts", text: "" };
    expect(checkBoundaries([file], [row], [])).toEqual([
      "packages/coordinator/src/elsewhere/planted.ts: no row of the boundary table governs this file; add one",
      "packages/coordinator/src/core/: this row of the boundary table governs no file; remove it",
    ]);
  });
});
