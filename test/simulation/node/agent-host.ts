import { NO_CGROUP_ROOTS } from "@drover/agent/testing/no-cgroups.ts";
import { startAgent, type Agent } from "@drover/agent/agent.ts";
import type { Dial } from "@drover/agent/link/socket.ts";
import type { Machine } from "@drover/agent/machine/machine.ts";
import { DEFAULT_TOOL_PATHS } from "@drover/agent/probe/tools.ts";
import type { Launcher as AgentsLauncher } from "@drover/agent/runtime/launcher.ts";
import type { AttemptId } from "@drover/shared/domain/ids.ts";
import { Hardware, NodeLoad } from "@drover/shared/domain/node.ts";
import { DroverError, isDroverError } from "@drover/shared/errors.ts";
import { Killed, Process } from "../world/process.ts";
import { filesOf } from "./agent-files.ts";
import { COORDINATOR_URL } from "./enrol.ts";
import type { Launcher } from "./launcher.ts";
import { DATA_DIR, type NodeMachine } from "./node-machine.ts";

/** systemd's RestartSec. */
const RESTART_MS = 1_000;
const PROBE_MS = [5, 2_000] as const;

/** Runs the real agent on a simulated machine, one life after the other. */
export class AgentHost {
  readonly machine: NodeMachine;
  readonly #dialFrom: (process: Process) => Dial;
  #process: Process | null = null;
  #agent: Agent | null = null;
  #launcher: Launcher | null = null;

  constructor(machine: NodeMachine, dialFrom: (process: Process) => Dial) {
    this.machine = machine;
    this.#dialFrom = dialFrom;
  }

  get process(): Process | null {
    return this.#process?.isAlive ? this.#process : null;
  }

  start(): void {
    const { machine } = this;
    if (!machine.isUp || this.process) return;
    const process = new Process(`${machine.name} agent`, machine.timeline, machine.onUncaught);
    this.#process = process;
    machine.observer.say(machine.name, "agent starts");
    void startAgent(
      {
        coordinatorUrl: COORDINATOR_URL,
        dataDir: DATA_DIR,
        name: machine.name,
        tools: DEFAULT_TOOL_PATHS,
        foreignGpuUse: "leave-out",
        burnTest: null,
        jobUser: null,
        site: machine.site,
        cpuMilli: null,
        memoryBytes: null,
        logFormat: "json",
        logLevel: "info",
        supervisorProgram: "simulated",
      },
      {
        machine: this.#machineFor(process),
        random: () => machine.random.fraction(),
        randomBelow: (limit) => machine.random.below(limit),
        dial: this.#dialFrom(process),
        log(line, fields) {
          process.mustLive();
          machine.observer.onLogLine(machine.name, line, fields);
        },
        onReplaced() {},
        environment: {},
        openModels: null,
      },
    ).then(
      (agent) => (this.#agent = process.isAlive ? agent : null),
      (error: unknown) => this.#onStartFailed(process, error),
    );
  }

  /** SIGKILL: what it said is said, what it wrote is written, nothing else. */
  crash(): void {
    const process = this.process;
    if (!process) return;
    process.kill();
    this.#onCrashed();
  }

  /** The same in the middle of what it does: between two of its effects. */
  crashAfterEffects(count: number): void {
    this.process?.killAfterEffects(count, () => this.#onCrashed());
  }

  #onCrashed(): void {
    this.#onEnded(true);
    this.machine.timeline.after(RESTART_MS, () => this.start());
  }

  /** As an operator restarts a service. */
  restartInOrder(): void {
    const [process, agent] = [this.process, this.#agent];
    if (!process || !agent) return;
    this.machine.observer.say(this.machine.name, "agent is told to stop");
    process.run(() => {
      void agent.stop().then(
        () => process.isAlive && process.run(() => this.#endInOrder(process)),
        (error: unknown) => error instanceof Killed || this.machine.onUncaught(error),
      );
    });
  }

  /** The machine goes down under it. */
  vanish(): void {
    const process = this.process;
    if (!process) return;
    process.kill();
    this.#onEnded(false);
  }

  killLauncher(): void {
    this.#launcher?.kill((launcher) => this.#adopt(launcher, this.#process));
  }

  #endInOrder(process: Process): void {
    process.kill();
    this.#onCrashed();
  }

  #onEnded(kernelLives: boolean): void {
    this.machine.observer.say(this.machine.name, "agent is gone");
    this.#agent = null;
    this.machine.listenForNotices(() => {})();
    if (kernelLives) this.#launcher?.end();
    this.#launcher = null;
    for (const { agentEnd } of this.machine.path.connections) agentEnd.vanish(kernelLives);
  }

  #onStartFailed(process: Process, error: unknown): void {
    if (error instanceof Killed || !process.isAlive) return;
    // A disk that takes nothing keeps an agent from starting; its service manager tries again.
    if (!isDroverError(error) && !isDiskError(error)) this.machine.onUncaught(error);
    this.machine.observer.say(this.machine.name, "agent did not start:", String(error));
    this.crash();
  }

  #adopt(launcher: Launcher, process: Process | null): AgentsLauncher {
    this.#launcher = launcher;
    launcher.onStartRefused = (attemptId) => process?.run(() => this.#startRefused(attemptId as AttemptId));
    return {
      request: (verb, attemptId) => process?.effect(() => this.#launcher?.request(verb, attemptId)),
      onStartRefused: (listener) => (this.#startRefused = listener),
      async stop() {
        process?.mustLive();
        launcher.end();
      },
    };
  }

  #startRefused: (attemptId: AttemptId) => void = () => {};

  #machineFor(process: Process): Machine {
    const { machine } = this;
    const { random, size } = machine;
    return {
      clock: machine.clock.of(process),
      files: filesOf(machine, process),
      bootId: machine.bootId,
      machineId: machine.machineId,
      startLauncher: () =>
        new Promise((resolve, reject) => {
          machine.startLauncher(
            () => process.run(() => reject(new DroverError("dataDir.locked", "Another agent uses /data."))),
            (launcher) => {
              if (process.isAlive) process.run(() => resolve(this.#adopt(launcher, process)));
              else launcher.end();
            },
          );
        }),
      listenForNotices: (onNotice) => machine.listenForNotices((notice) => process.run(() => onNotice(notice))),
      sendSignal: (pid, signal) => process.effect(() => machine.processes.signal(pid, signal)),
      openCgroups: () => NO_CGROUP_ROOTS,
      closeCgroups() {},
      diagnose: () => Promise.reject(new Error("nobody asks for it")),
      upgrade: () => Promise.reject(new Error("nobody asks for it")),
      probeHardware: () =>
        new Promise((resolve) => {
          process.after(random.magnitude(...PROBE_MS), () =>
            resolve(
              Hardware.parse({
                cpu: { model: "simulated", cores: Math.max(1, size.cpuMilli / 1000), physicalCores: null },
                memoryBytes: size.memoryBytes,
                disks: [],
                gpus: size.gpuIds.map((id, index) => ({
                  id,
                  index,
                  model: "simulated",
                  memoryBytes: null,
                  driverVersion: null,
                })),
                os: "simulated",
                kernel: "simulated",
                architecture: "x64",
                warnings: [],
              }),
            ),
          );
        }),
      watchLoad: () => ({
        readLoad: () => NodeLoad.parse({ load1: 0, memoryAvailableBytes: 0, dataDiskFreeBytes: 0 }),
        gpuUses: () => [],
        observe: () => ({ nvidia: null, xidEvents: [], dataDisk: ROOMY_DISK }),
        stop() {},
      }),
    };
  }
}

/** How full a disk is is no fault that is simulated: a write fails, or it does not. */
const ROOMY_DISK = { sizeBytes: 2 ** 40, freeBytes: 2 ** 39, isReadOnly: false };

function isDiskError(error: unknown): boolean {
  return error instanceof Error && "code" in error && ["ENOSPC", "EIO", "EMFILE"].includes(String(error.code));
}
