import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createClient, type DroverClient } from "@drover/shared/client/client.ts";
import { freePort } from "./free-port.ts";
import { newLocalToken } from "./local-token.ts";
import { startNode, stop } from "./processes.ts";
import { waitFor } from "./wait-for.ts";

export const CHECKOUT = dirname(dirname(import.meta.dirname));

/** A real coordinator and one real agent on loopback, each of which may be killed and started again. */
export class LocalFleet {
  readonly folder = mkdtempSync(join(tmpdir(), "drover-fleet-"));
  readonly url: string;
  readonly client: DroverClient;
  readonly token = newLocalToken();
  #coordinator: ChildProcess | null = null;
  #agent: ChildProcess | null = null;

  readonly #agentWords: readonly string[];
  readonly #coordinatorWords: readonly string[];

  private constructor(port: number, agentWords: readonly string[], coordinatorWords: readonly string[]) {
    this.#agentWords = agentWords;
    this.#coordinatorWords = coordinatorWords;
    this.url = `http://127.0.0.1:${port}`;
    this.client = createClient(this.url, { token: this.token.read });
  }

  /** With more options for each of them. */
  static async start(
    agentWords: readonly string[] = [],
    coordinatorWords: readonly string[] = [],
  ): Promise<LocalFleet> {
    const fleet = new LocalFleet(await freePort(), agentWords, coordinatorWords);
    await fleet.startCoordinator();
    fleet.startAgent();
    await fleet.untilOnline();
    return fleet;
  }

  /** For agents that come from elsewhere. */
  static async startWithoutAgent(coordinatorWords: readonly string[]): Promise<LocalFleet> {
    const fleet = new LocalFleet(await freePort(), [], coordinatorWords);
    await fleet.startCoordinator();
    return fleet;
  }

  async startCoordinator(): Promise<void> {
    this.#coordinator = startDaemon("coordinator", [
      "--listen",
      this.url.slice("http://".length),
      "--data-dir",
      join(this.folder, "coordinator"),
      "--log",
      "json",
      ...this.token.options,
      ...this.#coordinatorWords,
    ]);
    await waitFor("the coordinator to be ready", async () => (await fetch(`${this.url}/readyz`)).ok);
  }

  startAgent(): void {
    this.#agent = startDaemon("agent", [
      "--coordinator",
      this.url,
      "--data-dir",
      join(this.folder, "agent"),
      "--name",
      "local",
      ...this.#agentWords,
    ]);
  }

  async untilOnline(): Promise<void> {
    await waitFor("the agent to be online", async () => (await this.client.getNode("local")).link === "online");
  }

  /** SIGKILL, and back again at once: nothing is written down, nothing is said goodbye to. */
  async crashCoordinator(): Promise<void> {
    if (this.#coordinator) await stop(this.#coordinator, "SIGKILL");
    await this.startCoordinator();
  }

  async stopAgent(): Promise<void> {
    if (this.#agent) await stop(this.#agent);
    this.#agent = null;
  }

  async crashAgent(): Promise<void> {
    if (this.#agent) await stop(this.#agent, "SIGKILL");
    this.startAgent();
  }

  async untilEnded(jobId: number, timeoutMs = 90_000): Promise<void> {
    await waitFor(`job ${jobId} to end`, async () => (await this.client.getJob(jobId)).endedAt !== null, timeoutMs);
  }

  /** Of the latest attempt, where none is named. */
  async outputOf(jobId: number, task = 0, attempt?: number): Promise<Buffer> {
    const { bytes } = await this.client.readOutput(jobId, { task, ...(attempt === undefined ? {} : { attempt }) });
    const chunks: Uint8Array[] = [];
    for await (const chunk of bytes) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [this.#agent, this.#coordinator]) if (child) await stop(child);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function startDaemon(name: "coordinator" | "agent", args: string[]): ChildProcess {
  const child = startNode([join(CHECKOUT, `packages/${name}/bin/drover-${name}.mjs`), ...args]);
  child.stdout?.resume();
  return child;
}
