import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";

/**
 * Cleans up after a run, however that ends: a process of its own, in a session of its own, that acts when its
 * standard input closes. That happens when the run says so, and just as well when it is killed.
 */
export class Janitor {
  readonly #child: ChildProcess;
  readonly #cleaned: Promise<void>;

  /** Kills every process that carries the mark of `run`, first of all. */
  constructor(run: string) {
    this.#child = spawn(process.execPath, [join(import.meta.dirname, "janitor-program.ts"), run], {
      stdio: ["pipe", "inherit", "inherit"],
      detached: true,
    });
    this.#child.stdin?.on("error", () => {});
    this.#cleaned = new Promise((resolve) => this.#child.once("close", () => resolve()));
  }

  /** Says how something will be undone, before it is done. The last of it is undone first. */
  willRun(command: readonly string[]): void {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  /** Resolves when nothing is left. */
  async clean(): Promise<void> {
    this.#child.stdin?.end();
    await this.#cleaned;
  }
}
