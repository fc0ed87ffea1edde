import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { CHECKOUT } from "../support/local-fleet.ts";
import { stop } from "../support/processes.ts";
import { waitFor } from "../support/wait-for.ts";

const PROGRAM = join(CHECKOUT, "packages/agent/bin/drover-agent.mjs");

export function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "drover-security-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** The real program, with what it says. */
export class AgentProgram {
  readonly #child: ChildProcess;
  #said = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (bytes: Buffer) => (this.#said += bytes.toString()));
  }

  static start(words: readonly string[], env: Record<string, string> = {}): AgentProgram {
    // Where the tests are root there need be no user for the jobs.
    const asWhom = process.getuid?.() === 0 ? { DROVER_JOB_USER: "root" } : {};
    const environment = { PATH: process.env["PATH"], ...asWhom, ...env };
    const child = spawn(process.execPath, [PROGRAM, ...words], { env: environment, stdio: ["ignore", "pipe", "pipe"] });
    onTestFinished(() => stop(child));
    return new AgentProgram(child);
  }

  /** Runs a command to its end. */
  static async run(words: readonly string[], env: Record<string, string> = {}) {
    const program = AgentProgram.start(words, env);
    const exitCode = await new Promise<number | null>((resolve) => program.#child.once("close", resolve));
    return { exitCode, said: program.said };
  }

  get said(): string {
    return this.#said;
  }

  untilSaid(text: string): Promise<void> {
    return waitFor(`the agent to say ${text}`, () => this.#said.includes(text));
  }

  stop(): Promise<void> {
    return stop(this.#child);
  }
}
