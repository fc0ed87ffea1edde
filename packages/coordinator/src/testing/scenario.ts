import type { AttemptOutcome } from "@drover/shared/domain/attempt.ts";
import type { AttemptId, JobId, NodeId } from "@drover/shared/domain/ids.ts";
import { JobSubmission, toJobSpec, type JobSpec } from "@drover/shared/domain/job.ts";
import { GpuDevice } from "@drover/shared/domain/gpu.ts";
import { HEALTHY } from "@drover/shared/domain/health.ts";
import { Hardware, NodeLoad } from "@drover/shared/domain/node.ts";
import type { EventName, FleetEvent } from "@drover/shared/events.ts";
import type { RevisionId } from "@drover/shared/domain/model.ts";
import { parseNodeSelector } from "@drover/shared/domain/node-selector.ts";
import type { PlacementReport, PlacementState } from "@drover/shared/domain/placement.ts";
import { placementOn } from "../core/placements.ts";
import type { AttemptReport, DesiredAttempt, Hello } from "@drover/shared/protocol/messages.ts";
import { Effects } from "../core/effects.ts";
import { Fleet, type FleetSettings, type Instant } from "../core/fleet.ts";
import type { Command, CommandResult, Happening } from "../core/input.ts";
import type { AttemptRecord, TaskRecord } from "../core/records.ts";
import { finishTurn } from "../core/finish-turn.ts";
import { heardFrom, type NodeReport } from "../core/liveness.ts";
import { step } from "../core/step.ts";

export const SETTINGS: FleetSettings = {
  incarnation: "test00",
  leaseMs: 60_000,
  heartbeatIntervalMs: 5_000,
  stopGraceMs: 10_000,
  hubEndpoint: "https://hub.test",
};

const GIB = 1024 ** 3;

export interface NodeSize {
  cpus?: number;
  memoryBytes?: number;
  gpus?: number;
}

export function aJob(job: Partial<JobSubmission> = {}): JobSpec {
  return toJobSpec(JobSubmission.parse({ ...(job.script === undefined && { command: ["true"] }), ...job }));
}

export function aHello(number: number, hello: Partial<Hello> & NodeSize = {}): Hello {
  const { cpus = 4, memoryBytes = 16 * GIB, gpus = 0, ...rest } = hello;
  const gpuIds = Array.from({ length: gpus }, (_, index) => `GPU-${number}-${index}`);
  return {
    type: "hello",
    protocolVersion: 2,
    agentVersion: "0.0.0",
    nodeId: nodeIdOf(number),
    name: `node${number}`,
    bootId: "boot-1",
    machineId: `machine-${number}`,
    site: null,
    capacity: { cpuMilli: cpus * 1000, memoryBytes, gpuIds },
    hardware: Hardware.parse({
      cpu: { model: "test", cores: Math.max(1, cpus), physicalCores: null },
      memoryBytes,
      disks: [],
      gpus: [],
      os: "test",
      kernel: "test",
      architecture: "x64",
      warnings: [],
    }),
    health: HEALTHY,
    attempts: [],
    placements: null,
    proof: null,
    ...rest,
  };
}

export function aGpu(id: string, fields: Partial<GpuDevice> = {}): GpuDevice {
  const identity = { id, index: 0, model: "NVIDIA A100-SXM4-80GB", modelName: "A100-80GB" };
  return GpuDevice.parse({ ...identity, memoryBytes: null, driverVersion: null, ...fields });
}

export function nodeIdOf(number: number): NodeId {
  return `node-${String(number).padStart(12, "0")}` as NodeId;
}

export function aReport(attemptId: AttemptId, report: Partial<AttemptReport> = {}): AttemptReport {
  return {
    attemptId,
    state: "running",
    pid: 4711,
    startedAtMs: 1,
    outcome: null,
    endedAtMs: null,
    outputBytes: 0,
    usage: null,
    ...report,
  };
}

export function aPlacementReport(revisionId: RevisionId, report: Partial<PlacementReport> = {}): PlacementReport {
  const nothing = { bytesDone: 0, bytesPerSecond: 0, problem: null, retryAtMs: null };
  return { revisionId, state: "ready", ...nothing, ...report };
}

/** The pure core under a clock of its own; every turn commits unless it is told to fail. */
export class Scenario {
  readonly fleet: Fleet;
  /** Of all committed turns. */
  readonly events: FleetEvent[] = [];
  /** Of the last turn. */
  effects = new Effects();
  now: Instant = { wallMs: 1_700_000_000_000, monotonicMs: 1000 };

  constructor(settings: Partial<FleetSettings> = {}) {
    this.fleet = new Fleet({ ...SETTINGS, ...settings }, 1);
  }

  turn(...inputs: (Command | Happening)[]): (CommandResult | null)[] {
    const results = this.#run(inputs);
    this.fleet.commit();
    // One by one: a turn may tell of more than fit into the arguments of a call.
    for (const event of this.effects.events) this.events.push(event);
    return results;
  }

  /** A turn whose commit fails. */
  failingTurn(...inputs: (Command | Happening)[]): void {
    this.#run(inputs);
    this.fleet.rollback();
  }

  submit(spec: JobSpec = aJob(), key: string | null = null): JobId {
    const idempotency = key === null ? null : { key, requestSha256: JSON.stringify(spec) };
    const [result] = this.turn({
      type: "submitJob",
      spec,
      actor: "anna",
      idempotency,
      storedUnderKey: null,
      storedEnds: new Map(),
    });
    if (!result?.ok || !("jobId" in result)) throw new Error(`submission refused: ${JSON.stringify(result)}`);
    return result.jobId;
  }

  /** A model of so many bytes, as its source would have said that it is. */
  addModel(name: string, sizeBytes = GIB): RevisionId {
    const revisionId = Buffer.from(name).toString("hex").padEnd(32, "0").slice(0, 32) as RevisionId;
    const source = {
      type: "huggingFace",
      repository: `acme/${name}`,
      revision: "main",
      commit: "a".repeat(40),
      needsToken: false,
    } as const;
    const files = [{ path: "model.bin", sizeBytes, hash: `sha256:${"b".repeat(64)}` }];
    const resolved = { revisionId, source, files };
    const reference = `hf://acme/${name}`;
    this.turn({ type: "addModel", name, reference, include: [], exclude: [], resolved, actor: "anna" });
    return revisionId;
  }

  placeModel(name: string, on: string, { copies = 1, isPinned = false } = {}): CommandResult | null | undefined {
    const selector = parseNodeSelector(on) ?? [];
    return this.turn({ type: "placeModel", name, selector, copies, isPinned, actor: "anna" })[0];
  }

  reportPlacement(number: number, revisionId: RevisionId, report: Partial<PlacementReport> = {}): void {
    const whole = aPlacementReport(revisionId, report);
    const nodeId = nodeIdOf(number);
    this.turn({ type: "placementReports", sessionId: this.fleet.sessionIdOf(nodeId) ?? 0, nodeId, reports: [whole] });
  }

  placementState(number: number, revisionId: RevisionId): PlacementState | null {
    return placementOn(this.fleet, nodeIdOf(number), revisionId)?.state ?? null;
  }

  hello(number: number, hello: Partial<Hello> & NodeSize = {}, sessionId = number): void {
    this.turn({ type: "agentHello", sessionId, hello: aHello(number, hello), heardAt: this.now });
  }

  report(number: number, reports: AttemptReport[], sessionId = number): void {
    this.turn({ type: "attemptReports", sessionId, nodeId: nodeIdOf(number), reports });
  }

  end(attempt: AttemptRecord, outcome: AttemptOutcome = { type: "exited", code: 0 }): void {
    const sessionId = this.fleet.sessionIdOf(attempt.nodeId) ?? 0;
    const startedAtMs = outcome.type === "startFailed" ? null : 1;
    const report = aReport(attempt.id, { state: "ended", outcome, startedAtMs, endedAtMs: this.now.wallMs });
    this.turn({ type: "attemptReports", sessionId, nodeId: attempt.nodeId, reports: [report] });
  }

  /** A heartbeat over the node's current connection; says whether it is acknowledged. */
  beat(number: number, report: Partial<NodeReport> = {}): boolean {
    const load = NodeLoad.parse({ load1: 0, memoryAvailableBytes: 0, dataDiskFreeBytes: 0 });
    const nodeId = nodeIdOf(number);
    const sessionId = this.fleet.sessionIdOf(nodeId);
    const heartbeat = { load, attemptCount: this.fleet.attemptsOn(nodeId).length, ...report };
    return sessionId !== null && heardFrom(this.fleet, nodeId, sessionId, heartbeat, this.now);
  }

  /** The node's connection breaks. */
  cut(number: number): void {
    const nodeId = nodeIdOf(number);
    const sessionId = this.fleet.sessionIdOf(nodeId);
    if (sessionId !== null) this.turn({ type: "agentGone", sessionId, nodeId, reason: "cut" });
  }

  /** The coordinator starts again, with all that was committed. */
  restart(): void {
    this.fleet.settings.incarnation = "test01";
    this.turn({ type: "restarted" });
  }

  pass(durationMs: number): void {
    this.now = { wallMs: this.now.wallMs + durationMs, monotonicMs: this.now.monotonicMs + durationMs };
  }

  task(jobId: JobId, index = 0): TaskRecord | undefined {
    return this.fleet.task(jobId, index);
  }

  attempt(jobId: JobId, index = 0): AttemptRecord {
    const id = this.task(jobId, index)?.liveAttemptId;
    const attempt = id ? this.fleet.attempts.get(id) : undefined;
    if (!attempt) throw new Error(`task ${jobId}.${index} has no live attempt`);
    return attempt;
  }

  eventsNamed<N extends EventName>(name: N): Extract<FleetEvent, { event: N }>[] {
    return this.events.filter((event): event is Extract<FleetEvent, { event: N }> => event.event === name);
  }

  /** What the last turn told a node, welcome included. */
  told(number: number, sessionId = number): DesiredAttempt[] {
    return [...(this.effects.welcomes.get(sessionId) ?? []), ...(this.effects.desired.get(nodeIdOf(number)) ?? [])];
  }

  #run(inputs: (Command | Happening)[]): (CommandResult | null)[] {
    this.effects = new Effects();
    const results = inputs.map((input) => step(this.fleet, input, this.effects, this.now));
    finishTurn(this.fleet, this.effects, this.now);
    return results;
  }
}
