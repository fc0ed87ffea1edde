import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { FIXTURES_DIR } from "./probe-fixtures.ts";

const REPLAY = fileURLToPath(new URL("replay-tool.mjs", import.meta.url));

/** What a tool does when it is asked this. */
export interface Replay {
  /** A pattern for its arguments, joined by blanks. */
  when: string;
  /** A real output, below the fixtures. */
  fixture?: string;
  /** A capture of all fields with its heading; what is asked for is cut out of it. */
  csv?: string;
  stdout?: string;
  stderr?: string;
  exitCode?: number;
  delayMs?: number;
  /** Says what it has to say and never ends. */
  hangs?: boolean;
  ignoresSigterm?: boolean;
  /** Says it again and again, as with `--loop`. */
  everyMs?: number;
  /** And ends after so many times. */
  rounds?: number;
}

export interface ReplayedTool {
  path: string;
  /** What it was asked so far. */
  asked(): string[];
  /** What it does from now on. */
  replace(replays: readonly Replay[]): void;
}

/** A program that gives real outputs with real exit codes and delays, in place of a vendor's tool. */
export function aTool(replays: readonly Replay[]): ReplayedTool {
  const folder = mkdtempSync(join(tmpdir(), "drover-tool-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "tool");
  const scenario = join(folder, "scenario.json");
  const replace = (plan: readonly Replay[]) =>
    writeFileSync(
      scenario,
      JSON.stringify(
        plan.map(({ fixture, ...replay }) => ({
          ...replay,
          ...(fixture !== undefined && { file: fileURLToPath(new URL(fixture, FIXTURES_DIR)) }),
        })),
      ),
    );
  replace(replays);
  writeFileSync(path, `#!/bin/sh\nexec "${process.execPath}" "${REPLAY}" "${scenario}" "$@"\n`, { mode: 0o755 });
  return {
    path,
    asked: () => (existsSync(`${scenario}.log`) ? readFileSync(`${scenario}.log`, "utf8").trimEnd().split("\n") : []),
    replace,
  };
}

/** The path of a tool that is not there. */
export const NO_TOOL = "/nonexistent/tool";
