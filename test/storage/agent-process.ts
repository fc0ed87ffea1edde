import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import type { CoordinatorProcess } from "./coordinator-process.ts";
import { CHECKOUT } from "../support/local-fleet.ts";
import { startNode, stop } from "../support/processes.ts";
import { waitFor } from "../support/wait-for.ts";

/** A real agent, named "local". */
export class AgentProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.resume();
  }

  /** Resolves when the coordinator shows it online. */
  static async start({
    coordinator,
    dataDir,
  }: {
    coordinator: CoordinatorProcess;
    dataDir: string;
  }): Promise<AgentProcess> {
    const program = join(CHECKOUT, "packages/agent/bin/drover-agent.mjs");
    const options = ["--coordinator", coordinator.url, "--data-dir", dataDir, "--name", "local"];
    const agent = new AgentProcess(startNode([program, ...options]));
    const isOnline = async (): Promise<boolean> => (await coordinator.client.getNode("local")).link === "online";
    await waitFor("the agent to be online", isOnline);
    return agent;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stop(this.#child);
  }
}
