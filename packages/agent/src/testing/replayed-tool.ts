import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
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
  /** Says it again and again, as with `--loop`; from round to round as the scenario is by then. */
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
export function makeTool(folder: string, replays: readonly Replay[]): ReplayedTool {
  const path = join(folder, "tool");
  const scenario = join(folder, "scenario.json");
  const replace = (plan: readonly Replay[]) => {
    const entries = plan.map(({ fixture, ...replay }) => ({
      ...replay,
      ...(fixture !== undefined && { file: fileURLToPath(new URL(fixture, FIXTURES_DIR)) }),
    }));
    // Renamed into place: the tool may be reading.
    writeFileSync(`${scenario}.new`, JSON.stringify(entries));
    renameSync(`${scenario}.new`, scenario);
  };
  replace(replays);
  writeFileSync(path, `#!/bin/sh\nexec "${process.execPath}" "${REPLAY}" "${scenario}" "$@"\n`, { mode: 0o755 });
  return {
    path,
    asked: () => (existsSync(`${scenario}.log`) ? readFileSync(`${scenario}.log`, "utf8").trimEnd().split("\n") : []),
    replace,
  };
}
