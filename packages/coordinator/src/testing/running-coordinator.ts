import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { createClient, type DroverClient } from "@drover/shared/client/client.ts";
import { systemClock, type Clock } from "@drover/shared/clock.ts";
import type { AgentMessage, AttemptReport, CoordinatorMessage, Hello } from "@drover/shared/protocol/messages.ts";
import { outputHeaderBytes, writeOutputHeader } from "@drover/shared/protocol/output-frame.ts";
import type { AttemptId } from "@drover/shared/domain/ids.ts";
import type { CoordinatorConfig } from "../config.ts";
import { startCoordinator, type Coordinator } from "../coordinator.ts";
import { aHello } from "./scenario.ts";

/** An empty directory of the running test. */
export function aDataDirectory(): string {
  const folder = mkdtempSync(join(tmpdir(), "drover-coordinator-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A real coordinator on a free port of loopback, in a data directory of its own. */
export class RunningCoordinator {
  readonly dataDir: string;
  readonly logLines: Record<string, unknown>[] = [];
  #coordinator!: Coordinator;
  #peers: ScriptedAgent[] = [];

  readonly #config: Partial<CoordinatorConfig>;

  readonly #clock: Clock;

  private constructor(dataDir: string, config: Partial<CoordinatorConfig>, clock: Clock) {
    this.dataDir = dataDir;
    this.#config = config;
    this.#clock = clock;
  }

  static async start(
    dataDir = mkdtempSync(join(tmpdir(), "drover-coordinator-")),
    config: Partial<CoordinatorConfig> = {},
    clock: Clock = systemClock,
  ): Promise<RunningCoordinator> {
    const running = new RunningCoordinator(dataDir, config, clock);
    await running.#start();
    return running;
  }

  get url(): string {
    return this.#coordinator.url;
  }

  get client(): DroverClient {
    return createClient(this.url, { token: () => this.token });
  }

  /** The admin's. */
  get token(): string {
    return readFileSync(this.#localTokenFile, "utf8").trim();
  }

  get #localTokenFile(): string {
    return join(this.dataDir, "local-token");
  }

  /** As the admin, where the headers do not say otherwise. */
  request(path: string, init?: RequestInit): Promise<Response> {
    const headers = { authorization: `Bearer ${this.token}`, ...(init?.headers as Record<string, string> | undefined) };
    return fetch(new URL(path, this.url), { ...init, headers });
  }

  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return this.request(path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  }

  /** What the enrolment tests' machines say when they join. */
  join(token: string, body: object): Promise<Response> {
    return this.post("/v1/join", body, { authorization: `Bearer ${token}` });
  }

  /** An agent by hand: speaks the protocol, runs nothing. */
  async connectAgent(number: number, hello: Partial<Hello> = {}): Promise<ScriptedAgent> {
    const agent = await this.connectRaw();
    agent.send({ ...aHello(number), ...hello });
    await agent.next("welcome");
    return agent;
  }

  async connectRaw(options: { headers?: Record<string, string> } = {}): Promise<ScriptedAgent> {
    const agent = await ScriptedAgent.connect(this.url, options);
    this.#peers.push(agent);
    return agent;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.#start();
  }

  /** Without its agents being there to hear of it, or with what they make of it. */
  async stop({ cutsAgents = true } = {}): Promise<void> {
    if (cutsAgents) for (const peer of this.#peers) peer.cut();
    await this.#coordinator.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  async #start(): Promise<void> {
    const log = pino({ base: null }, { write: (line: string) => void this.logLines.push(JSON.parse(line)) });
    this.#coordinator = await startCoordinator(
      {
        host: "127.0.0.1",
        port: 0,
        dataDir: this.dataDir,
        log: "json",
        logLevel: "info",
        leaseMs: 60_000,
        heartbeatIntervalMs: 5000,
        localTokenFile: this.#localTokenFile,
        hubEndpoint: "http://127.0.0.1:9",
        hubToken: null,
        hubTokenFile: null,
        names: [],
        trustedProxies: [],
        tls: { type: "none" },
        artifactsDir: null,
        ...this.#config,
      },
      this.#clock,
      log,
    );
  }
}

export class ScriptedAgent {
  readonly opened: Promise<void>;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #socket: WebSocket;
  readonly #received: CoordinatorMessage[] = [];
  #arrived = Promise.withResolvers<void>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.opened = new Promise((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    this.closed = new Promise((resolve) =>
      socket.once("close", (code, reason) => resolve({ code, reason: reason.toString() })),
    );
    socket.on("message", (data: Buffer) => {
      this.#received.push(JSON.parse(data.toString()) as CoordinatorMessage);
      this.#arrived.resolve();
      this.#arrived = Promise.withResolvers();
    });
  }

  static async connect(url: string, options: { headers?: Record<string, string> } = {}): Promise<ScriptedAgent> {
    const agent = new ScriptedAgent(new WebSocket(`${url.replace("http", "ws")}/v1/agent`, options));
    await agent.opened;
    return agent;
  }

  send(message: AgentMessage | string | Uint8Array): void {
    this.#socket.send(typeof message === "string" || message instanceof Uint8Array ? message : JSON.stringify(message));
  }

  report(...reports: AttemptReport[]): void {
    this.send({ type: "attempts", reports });
  }

  sendOutput(attemptId: AttemptId, offset: number, text: string): void {
    const payload = Buffer.from(text);
    const headerBytes = outputHeaderBytes(attemptId);
    const frame = new Uint8Array(headerBytes + payload.byteLength);
    writeOutputHeader(frame, attemptId, offset);
    frame.set(payload, headerBytes);
    this.send(frame);
  }

  /** The next message of a type; what else comes before it stays for later. */
  async next<T extends CoordinatorMessage["type"]>(
    type: T,
    matches: (message: Extract<CoordinatorMessage, { type: T }>) => boolean = () => true,
  ): Promise<Extract<CoordinatorMessage, { type: T }>> {
    for (;;) {
      const index = this.#received.findIndex(
        (message) => message.type === type && matches(message as Extract<CoordinatorMessage, { type: T }>),
      );
      if (index !== -1) return this.#received.splice(index, 1)[0] as Extract<CoordinatorMessage, { type: T }>;
      await this.#arrived.promise;
    }
  }

  /** The id of the next attempt that this node is told to run. */
  async assigned(): Promise<AttemptId> {
    const desired = await this.next("desired", (message) => message.run.length > 0);
    return desired.run[0]?.attemptId as AttemptId;
  }

  /** Reads nothing any more, as a process that is stopped. */
  freeze(): void {
    this.#socket.pause();
  }

  cut(): void {
    this.#socket.terminate();
  }
}
