import type { Clock } from "@drover/shared/clock.ts";
import { allocatableGpuIds } from "@drover/shared/domain/gpu.ts";
import type { Hardware } from "@drover/shared/domain/node.ts";
import type { NodeId } from "@drover/shared/domain/ids.ts";
import type { ResourceCapacity } from "@drover/shared/domain/resources.ts";
import { DroverError } from "@drover/shared/errors.ts";
import { answersOf } from "./answer-questions.ts";
import { Attempts } from "./attempts/attempts.ts";
import { composeLaunch } from "./attempts/compose-launch.ts";
import { takenBytes } from "./attempts/gpu-release.ts";
import { composeHello } from "./compose-hello.ts";
import type { AgentConfig } from "./config.ts";
import { NodeWatch } from "./health/node-watch.ts";
import { loadNodeId } from "./identity.ts";
import { takeWelcome } from "./take-welcome.ts";
import { createLease, openLeaseFile, type Lease } from "./lease.ts";
import { CoordinatorLink } from "./link/coordinator-link.ts";
import { agentEndpoint, type Dial } from "./link/socket.ts";
import type { Log } from "./log.ts";
import type { NodeModels, NodeModelsOptions } from "./models/node-models.ts";
import { openQuarantineFile } from "./quarantine-file.ts";
import { OutputShipper } from "./output/shipper.ts";
import { openIdentity, type Identity } from "./membership/prove-identity.ts";
import type { FileSystem } from "./machine/file-system.ts";
import type { Machine } from "./machine/machine.ts";
import type { Launcher } from "./runtime/launcher.ts";
import type { CgroupRoots } from "./runtime/open-cgroups.ts";
import { isRunning } from "./runtime/processes.ts";
import { createSupervisors } from "./runtime/supervisors.ts";
import { openSpool } from "./spool/spool.ts";

const SWEEP_INTERVAL_MS = 5_000;

export interface AgentPorts {
  machine: Machine;
  /** In [0, 1). */
  random(): number;
  /** A whole number in [0, limit), which nobody can guess. */
  randomBelow(limit: number): number;
  dial: Dial;
  log: Log;
  /** Another version is in its place: whoever starts this agent should start it again. */
  onReplaced(): void;
  /** The agent's own environment, of which tasks get a few named variables. */
  environment: Readonly<Record<string, string | undefined>>;
  /** `null`: this node keeps no models. */
  openModels: ((options: Pick<NodeModelsOptions, "send" | "log">) => Promise<NodeModels>) | null;
}

export interface Agent {
  nodeId: NodeId;
  /** Closes the link and the launcher; attempts go on under their supervisors. */
  stop(): Promise<void>;
}

/** Throws `dataDir.locked`, `dataDir.unusable` or `agent.supervisorMissing`; otherwise runs until it is stopped. */
export async function startAgent(config: AgentConfig, ports: AgentPorts): Promise<Agent> {
  makeDataDir(config.dataDir, ports.machine.files);
  // The launcher first: the data directory is only ours while it holds the lock.
  const launcher = await ports.machine.startLauncher();
  try {
    return await startParts(config, ports, launcher);
  } catch (error) {
    await launcher.stop();
    throw error;
  }
}

async function startParts(config: AgentConfig, ports: AgentPorts, launcher: Launcher): Promise<Agent> {
  const { machine, log } = ports;
  const { clock, files } = machine;
  const { dataDir, name } = config;
  const nodeId = loadNodeId(dataDir, files, (limit) => ports.randomBelow(limit));
  const cgroupRoots = machine.openCgroups(nodeId);
  const watch = await NodeWatch.start({
    machine,
    log,
    enforcement: cgroupRoots.enforcement,
    offer: (hardware) => capacityOf(config, hardware),
    foreignGpuUse: config.foreignGpuUse,
    quarantine: openQuarantineFile(dataDir, files, machine.bootId, log),
  });
  const identity = openIdentity(dataDir, files, { nodeId, machineId: machine.machineId });
  const node: NodeFacts = { nodeId, identity, cgroupRoots };
  const leaseFile = openLeaseFile(dataDir, files, machine.bootId);
  const lease = createLease({ clock, log, writeDeadline: (deadlineMs) => leaseFile.write(deadlineMs) });
  const models = await (ports.openModels?.({ send: (message) => parts.link.sendAboutModels(message), log }) ?? null);
  const parts = connectParts({ config, ports, node, launcher, lease, watch, models });
  const { attempts, shipper, link } = parts;

  watch.onLooked(({ gpus }, load) => attempts.tallyGpus(gpus, load.gpus));
  launcher.onStartRefused((attemptId) => attempts.onStartRefused(attemptId));
  // Listened for before the spool is read: what ends in between is seen twice rather than never.
  const stopListening = machine.listenForNotices((notice) => attempts.onNotice(notice));
  attempts.adopt();
  log("agent.started", { nodeId, name, dataDir, adoptedAttempts: attempts.count() });
  const stopSweeping = every(clock, SWEEP_INTERVAL_MS, () => attempts.sweep());
  link.start();

  return {
    nodeId,
    async stop() {
      log("agent.stopping");
      stopSweeping();
      stopListening();
      watch.stop();
      link.stop();
      models?.stop();
      lease.stop();
      shipper.stop();
      leaseFile.close();
      await launcher.stop();
      machine.closeCgroups(cgroupRoots);
      log("agent.stopped");
    },
  };
}

/** What stays the same as long as the agent runs. */
interface NodeFacts {
  nodeId: NodeId;
  identity: Identity | null;
  cgroupRoots: CgroupRoots;
}

interface Parts {
  attempts: Attempts;
  shipper: OutputShipper;
  link: CoordinatorLink;
}

interface PartsContext {
  config: AgentConfig;
  ports: AgentPorts;
  node: NodeFacts;
  launcher: Launcher;
  lease: Lease;
  watch: NodeWatch;
  models: NodeModels | null;
}

/** The circle: what the link hears changes the attempts, their output and reports go out through the link. */
function connectParts({ config, ports, node, launcher, lease, watch, models }: PartsContext): Parts {
  const { machine, log } = ports;
  const { clock, files, bootId } = machine;
  const spool = openSpool(config.dataDir, files);
  const flushReports = onceATurn(clock, () => {
    if (!link.isOpen()) return;
    const reports = attempts.takeDueReports();
    // A task may have failed because its GPU did: that is said first, so that nobody else is blamed.
    if (reports.some(({ outcome }) => outcome !== null)) watch.look();
    link.sendChanges();
    if (reports.length > 0) link.sendReports(reports);
  });
  const shipper = new OutputShipper({
    channel: {
      isOpen: () => link.isOpen(),
      bufferedBytes: () => link.bufferedBytes(),
      sendOutput: (frame, onFlushed) => link.sendOutput(frame, onFlushed),
    },
    openOutput: (attemptId) => spool.openOutput(attemptId),
    clock,
    onAcknowledged: (attemptId) => attempts.onOutputAcknowledged(attemptId),
    onReadFailed: (attemptId, reason) => log("agent.attemptFailed", { attemptId, reason }),
  });
  const attempts = new Attempts({
    spool,
    supervisors: createSupervisors({
      files,
      sendSignal: (pid, signal) => machine.sendSignal(pid, signal),
      request: (verb, attemptId) => launcher.request(verb, attemptId),
    }),
    shipper,
    clock,
    log,
    bootId,
    composeLaunch: (assignment, directory) =>
      composeLaunch(assignment, {
        nodeName: config.name,
        bootId,
        directory,
        cgroupRoots: node.cgroupRoots,
        gpus: watch.state().hardware.gpus,
        gpuMemoryTaken(id) {
          const use = watch.readGpuUses().find((one) => one.id === id);
          return use === undefined ? null : takenBytes(use, assignment.attemptId);
        },
        inherited: ports.environment,
        jobUser: config.jobUser,
        modelPath: (revisionId) => models?.pathOf(revisionId) ?? null,
        hubCachePath: models?.hubCachePath ?? null,
      }),
    gpus: {
      readGpuUses: () => watch.readGpuUses(),
      isProcessAlive: (pid) => isRunning(files, pid),
      onDirty: (gpuId, evidence, allowedBytes) => watch.quarantine(gpuId, evidence, allowedBytes),
    },
    onReportDue: flushReports,
  });
  const link = new CoordinatorLink({
    url: agentEndpoint(config.coordinatorUrl),
    dial: ports.dial,
    clock,
    log,
    random: () => ports.random(),
    readLoad: () => watch.readLoad(),
    nodeState: () => watch.state(),
    onClockOffset: (offsetMs) => watch.takeClockOffset(offsetMs),
    countAttempts: () => attempts.count(),
    identity: node.identity,
    composeHello: (proof) => composeHello({ config, nodeId: node.nodeId, proof, machine, watch, attempts, models }),
    models,
    onWelcome(welcome, sentAtMs) {
      takeWelcome(welcome, sentAtMs, { shipper, attempts, lease });
      flushReports();
    },
    onDesired: (desired) => attempts.apply(desired),
    onOutputAck: (attemptId, offset) => shipper.onAck(attemptId, offset),
    onOutputResend: (attemptId, offset) => shipper.onResend(attemptId, offset),
    ...answersOf(machine, watch, { heldGpuIds: () => attempts.heldGpuIds(), onReplaced: () => ports.onReplaced() }),
    onLeaseRenewed(sentAtMs, leaseMs) {
      if (!attempts.hasLooseEnds()) lease.renew(sentAtMs, leaseMs);
    },
  });
  return { attempts, shipper, link };
}

function makeDataDir(dataDir: string, files: FileSystem): void {
  try {
    files.makeDirectory(dataDir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new DroverError("dataDir.unusable", `${dataDir} cannot be made.`, { cause });
  }
}

function capacityOf(config: AgentConfig, hardware: Hardware): ResourceCapacity {
  return {
    cpuMilli: config.cpuMilli ?? hardware.cpu.usableMilli ?? hardware.cpu.cores * 1000,
    memoryBytes: config.memoryBytes ?? hardware.memoryBytes,
    gpuIds: allocatableGpuIds(hardware.gpus),
  };
}

/** Runs `action` once at the end of the turn, however often it is asked for: one message carries all its reports. */
function onceATurn(clock: Clock, action: () => void): () => void {
  let requested = false;
  return () => {
    if (requested) return;
    requested = true;
    clock.callSoon(() => {
      requested = false;
      action();
    });
  };
}

function every(clock: Clock, intervalMs: number, action: () => void): () => void {
  let cancel = clock.callAfter(intervalMs, function again() {
    cancel = clock.callAfter(intervalMs, again);
    action();
  });
  return () => cancel();
}
