import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { makeTool, type Replay, type ReplayedTool } from "./replayed-tool.ts";

/** A tool of the running test. */
export function aTool(replays: readonly Replay[]): ReplayedTool {
  const folder = mkdtempSync(join(tmpdir(), "drover-tool-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return makeTool(folder, replays);
}

/** The path of a tool that is not there. */
export const NO_TOOL = "/nonexistent/tool";
