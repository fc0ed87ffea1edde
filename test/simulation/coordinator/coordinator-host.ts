import { Enrolments } from "@drover/coordinator/access/enrolments.ts";
import { Invites } from "@drover/coordinator/access/invites.ts";
import { createControl, type Control } from "@drover/coordinator/control.ts";
import type { FleetSettings } from "@drover/coordinator/core/fleet.ts";
import type { CommandResult } from "@drover/coordinator/core/input.ts";
import type { NodeRecord } from "@drover/coordinator/core/records.ts";
import type { UserCommand } from "@drover/coordinator/engine/engine.ts";
import { lostAfterMs } from "@drover/coordinator/core/liveness.ts";
import { isDroverError } from "@drover/shared/errors.ts";
import type { Observer } from "../observer.ts";
import { Disk } from "../world/disk.ts";
import { MachineClock } from "../world/machine-clock.ts";
import type { Connection } from "../world/network.ts";
import { Killed, Process } from "../world/process.ts";
import type { Random } from "../world/random.ts";
import type { Timeline } from "../world/timeline.ts";
import type { NodeMachine } from "../node/node-machine.ts";
import { memoryEnrolment } from "./memory-enrolment.ts";
import { MemoryStore, Tables, type StoreHealth } from "./memory-store.ts";
import { outputFilesOf } from "./simulated-output-files.ts";

const RESTART_MS = 1_000;
const START_MS = [50, 3_000] as const;
/** How long the gateway waits for the answer to a close frame. */
const CLOSE_PATIENCE_MS = 2_000;
const HEARTBEAT = /^\{"type":"heartbeat"/;
const HELLO = /^\{"type":"hello"/;

export interface CoordinatorOptions {
  settings: Omit<FleetSettings, "incarnation" | "hubEndpoint">;
  /** Speed of its clocks against true time. */
  clockRate: number;
  /** How long a write or a sync of output takes at the most. */
  slowestOutputMs: number;
}

/** Runs the real coordinator, all but its doors, one life after the other over the same tables and disk. */
export class CoordinatorHost {
  readonly tables = new Tables();
  readonly enrolment = memoryEnrolment();
  readonly disk: Disk;
  readonly clock: MachineClock;
  readonly health: StoreHealth = { problem: null, commitMs: 0 };
  readonly #options: CoordinatorOptions;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #observer: Observer;
  readonly #connections = new Set<Connection>();
  readonly #latest = new Map<string, Connection>();
  #process: Process | null = null;
  #control: Control | null = null;
  #incarnation = 0;

  constructor(options: CoordinatorOptions, timeline: Timeline, random: Random, observer: Observer) {
    this.#options = options;
    this.#timeline = timeline;
    this.#random = random;
    this.#observer = observer;
    this.disk = new Disk(random.fork());
    this.disk.makeDirectory("/coordinator", true);
    this.clock = new MachineClock(timeline, options.clockRate, 0);
  }

  get process(): Process | null {
    return this.#process?.isAlive ? this.#process : null;
  }

  /** Of the present life; `null` while it is down or starting. */
  get control(): Control | null {
    return this.process ? this.#control : null;
  }

  start(): void {
    if (this.process) return;
    const process = new Process("coordinator", this.#timeline, (error) => this.#onUncaught(error));
    this.#process = process;
    process.after(this.#random.magnitude(...START_MS), () => this.#open(process));
  }

  /** SIGKILL, or with `losesPower` the whole machine. */
  crash(losesPower: boolean): void {
    const process = this.process;
    if (!process) return;
    process.kill();
    this.#onCrashed(losesPower);
  }

  /** SIGKILL in the middle of what it does: between two of its effects, a commit or a frame. */
  crashAfterEffects(count: number): void {
    this.process?.killAfterEffects(count, () => this.#onCrashed(false));
  }

  #onCrashed(losesPower: boolean): void {
    if (losesPower) {
      this.disk.cutPower();
      this.clock.boot();
    }
    this.#onEnded(!losesPower);
    this.#timeline.after(losesPower ? 10 * RESTART_MS : RESTART_MS, () => this.start());
  }

  restartInOrder(): void {
    const [process, control] = [this.process, this.control];
    if (!process || !control) return;
    this.#observer.say("coordinator", "is told to stop");
    process.run(() => {
      control.gateway.stop();
      control.engine
        .stop()
        .then(() => control.outputs.close())
        .then(
          () => {
            if (!process.isAlive) return;
            process.kill();
            this.#onCrashed(false);
          },
          (error: unknown) => this.#onUncaught(error),
        );
    });
  }

  nodeNamed(name: string): NodeRecord | null {
    const nodes = this.control?.engine.fleet.nodes.values() ?? [];
    return [...nodes].find((node) => node.name === name) ?? null;
  }

  /** When, in true time, a node that is not heard from again is given up; `null` where that is not known. */
  givenUpAtMs(nodeName: string): number | null {
    const node = this.nodeNamed(nodeName);
    const presence = node && this.control?.engine.fleet.presences.get(node.id);
    if (!node || !presence) return null;
    const { stopGraceMs } = this.#options.settings;
    return this.clock.trueTimeOf(presence.heardAtMonotonicMs + lostAfterMs({ leaseMs: node.leaseMs, stopGraceMs }));
  }

  /** False where nobody listens. */
  accept(connection: Connection, { name: address, protocolVersion }: NodeMachine): boolean {
    const [process, control] = [this.process, this.control];
    if (!process || !control) return false;
    this.#connections.add(connection);
    this.#latest.set(address, connection);
    const end = connection.coordinatorEnd;
    const events = control.gateway.connect(
      {
        sendText: (text, onSent) =>
          process.effect(() => {
            end.send(text);
            onSent?.();
          }),
        close: (reason) => process.effect(() => end.close(reason, CLOSE_PATIENCE_MS)),
      },
      // What cannot join, because it is too old, is let in from the coordinator's own machine alone.
      { address, isLocal: protocolVersion === 1 },
    );
    end.events = {
      onFrame: (frame) => {
        if (typeof frame !== "string") return events.onBinary(frame);
        if (HELLO.test(frame)) this.#observer.onGreeted(address);
        if (HEARTBEAT.test(frame) && this.#latest.get(address) === connection) this.#observer.onHeard(address);
        events.onText(frame);
      },
      onClosed: (reason) => {
        this.#connections.delete(connection);
        events.onClosed(reason);
      },
    };
    return true;
  }

  /** As the HTTP routes do; `answer` is called when the answer leaves, and never by a coordinator that dies before. */
  command(command: UserCommand, answer: (result: CommandResult | { unavailable: string }) => void): void {
    const [process, control] = [this.process, this.control];
    if (!process || !control) return answer({ unavailable: "nobody listens" });
    process.run(() => {
      control.engine.command(command).then(
        (result) => process.isAlive && process.run(() => process.effect(() => answer(result))),
        (error: unknown) => {
          if (!process.isAlive || error instanceof Killed) return;
          if (isDroverError(error)) process.run(() => answer({ unavailable: error.code }));
          else this.#onUncaught(error);
        },
      );
    });
  }

  #open(process: Process): void {
    const observer = this.#observer;
    const clock = this.clock.of(process);
    const log = {
      info: (fields: object, text: string) => this.#log(process, fields, text),
      warn: (fields: object, text: string) => this.#log(process, fields, text),
      error: (fields: object, text: string) => this.#log(process, fields, text),
    };
    let nonceCount = 0;
    const incarnation = (++this.#incarnation).toString(36).padStart(6, "0");
    const fleet = this.tables.loadFleet({ ...this.#options.settings, incarnation, hubEndpoint: "https://hub.test" });
    const control = createControl({
      fleet,
      store: new MemoryStore(this.tables, process, this.health, observer),
      history: this.tables,
      identity: new Enrolments(this.enrolment, new Invites(this.enrolment, clock), clock),
      drawNonce: () => `nonce-${incarnation}-${++nonceCount}`,
      files: outputFilesOf(this.disk, process, this.#random, this.#options.slowestOutputMs),
      dataDir: "/coordinator",
      answerModelQuery: () => Promise.reject(new Error("no simulated agent keeps models")),
      clock,
      log: log as never,
      onReleased: () => observer.onReleased(fleet),
      onOutputGrown: () => {},
    });
    control.engine.start().then(
      () => {
        if (!process.isAlive) return;
        this.#control = control;
        observer.onCoordinatorStarted();
        observer.say("coordinator", "listens");
      },
      (error: unknown) => {
        if (!process.isAlive || error instanceof Killed) return;
        if (!isDroverError(error)) return this.#onUncaught(error);
        observer.say("coordinator", "does not start:", error.code);
        this.crash(false);
      },
    );
  }

  #log(process: Process, fields: object, text: string): void {
    process.mustLive();
    this.#observer.onLogLine("coordinator", text, fields);
  }

  #onEnded(kernelLives: boolean): void {
    this.#observer.say("coordinator", "is gone");
    this.#control = null;
    for (const connection of this.#connections) {
      if (!kernelLives) connection.lose("down");
      connection.coordinatorEnd.vanish(kernelLives);
    }
    this.#connections.clear();
  }

  #onUncaught(error: unknown): void {
    if (error instanceof Killed) return;
    this.#observer.onUncaught("coordinator", error);
  }
}
