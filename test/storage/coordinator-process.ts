import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createClient, type DroverClient } from "@drover/shared/client/client.ts";
import { CHECKOUT } from "../support/local-fleet.ts";
import { newLocalToken, type LocalToken } from "../support/local-token.ts";
import { startProgram, stop } from "../support/processes.ts";
import { waitFor } from "../support/wait-for.ts";

const PROGRAM = join(CHECKOUT, "packages/coordinator/bin/drover-coordinator.mjs");

export interface CoordinatorOptions {
  dataDir: string;
  env?: Record<string, string>;
  /** Further options of the command line. */
  options?: readonly string[];
  /** 0: the kernel chooses one. */
  port?: number;
  /** A program that runs the one behind it, with its arguments. */
  within?: readonly string[];
}

/** The real program on a data directory, with what it logs. */
export class CoordinatorProcess {
  readonly lines: Record<string, unknown>[] = [];
  readonly token: LocalToken;
  readonly #child: ChildProcess;
  #rest = "";

  private constructor(child: ChildProcess, token: LocalToken) {
    this.token = token;
    this.#child = child;
    child.stdout?.on("data", (chunk: Buffer) => this.#take(chunk.toString()));
  }

  /** Resolves when it listens; rejects when it ends before. */
  static async start(how: CoordinatorOptions): Promise<CoordinatorProcess> {
    const { dataDir, env = {}, options = [], port = 0, within = [] } = how;
    const token = newLocalToken();
    const always = ["--listen", `127.0.0.1:${port}`, "--data-dir", dataDir, "--log", "json", ...token.options];
    const [program = "", ...args] = [...within, process.execPath, PROGRAM, ...always, ...options];
    const coordinator = new CoordinatorProcess(startProgram(program, args, env), token);
    await waitFor("the coordinator to listen", () => coordinator.hasEnded || coordinator.said("coordinator.listening"));
    if (coordinator.hasEnded) throw new Error("the coordinator ended instead of listening");
    return coordinator;
  }

  get url(): string {
    return String(this.lines.find(({ event }) => event === "coordinator.listening")?.["url"]);
  }

  get client(): DroverClient {
    return createClient(this.url, { token: this.token.read });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  said(event: string): boolean {
    return this.lines.some((line) => line["event"] === event);
  }

  async isReady(): Promise<boolean> {
    return (await fetch(`${this.url}/readyz`)).ok;
  }

  async stop(): Promise<void> {
    await stop(this.#child);
  }

  async kill(): Promise<void> {
    await stop(this.#child, "SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.lines.push(JSON.parse(line) as Record<string, unknown>);
  }
}

const COMMAND_LIMIT_MS = 60_000;

/** Runs the program to its end, which has to come by itself. */
export async function runCommand(
  args: readonly string[],
  { env = {}, within = [] }: Pick<CoordinatorOptions, "env" | "within"> = {},
): Promise<{ exitCode: number | null; said: string }> {
  const command = [...within, process.execPath, PROGRAM, ...args];
  const child = startProgram("/bin/sh", ["-c", 'exec "$@" 2>&1', "sh", ...command], env);
  let said = "";
  child.stdout?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const limit = setTimeout(() => child.kill("SIGKILL"), COMMAND_LIMIT_MS);
  const [exitCode] = (await once(child, "close")) as [number | null];
  clearTimeout(limit);
  return { exitCode, said };
}
