import type { UserCommand } from "@drover/coordinator/engine/engine.ts";
import type { JobId } from "@drover/shared/domain/ids.ts";
import { JobSubmission, toJobSpec, type JobSpec } from "@drover/shared/domain/job.ts";
import type { CoordinatorHost } from "./coordinator/coordinator-host.ts";
import { commandFor, type Behaviour } from "./node/command.ts";
import type { NodeSize } from "./node/node-machine.ts";
import type { Observer } from "./observer.ts";
import type { Random } from "./world/random.ts";
import type { Timeline } from "./world/timeline.ts";

const MIB = 1024 ** 2;
const REQUEST_MS = [0.2, 200] as const;
const ASK_AGAIN_MS = [200, 10_000] as const;
const PATIENCE_MS = 15_000;

export interface UsersPorts {
  coordinator: CoordinatorHost;
  observer: Observer;
  timeline: Timeline;
  random: Random;
  sizes: readonly NodeSize[];
  /** Put into every job's environment; said nowhere. */
  secret: string;
}

/** People and scripts that submit work, repeat themselves when nobody answers, change their minds and cancel. */
export class Users {
  readonly #ports: UsersPorts;
  readonly #answerLoss: number;
  readonly #jobIds: JobId[] = [];
  /** Jobs that no node could ever run, and that somebody has to cancel. */
  readonly #impossible: JobId[] = [];
  #isAtTheEnd = false;
  /** Wishes that are repeated until they are answered, and are not yet. */
  #unanswered = 0;
  #submissions = 0;
  #workMs = 0;

  constructor(ports: UsersPorts) {
    this.#ports = ports;
    this.#answerLoss = ports.random.chance(0.5) ? 0 : ports.random.magnitude(0.01, 0.3);
  }

  /** Whatever is repeated until it is answered has been. */
  get isSatisfied(): boolean {
    return this.#unanswered === 0;
  }

  /** How long all that was submitted takes, retries included, where one task runs at a time. */
  get workMs(): number {
    return this.#workMs;
  }

  /** Spreads so many tasks over the time until `untilMs`. */
  submitTasks(taskCount: number, untilMs: number): void {
    const { random, timeline } = this.#ports;
    // Everything at once, or bit by bit.
    const spreadMs = untilMs * random.pick([0, 0.3, 0.9]);
    for (let left = taskCount; left > 0;) {
      const size = random.chance(0.6) ? 1 : Math.min(left, Math.round(random.magnitude(2, 100)));
      left -= size;
      this.#unanswered++;
      timeline.after(3_000 + random.fraction() * spreadMs, () => this.#submit(size));
    }
  }

  cancelImpossible(): void {
    this.#isAtTheEnd = true;
    for (const jobId of this.#impossible.splice(0)) this.#cancelUntilAnswered(jobId);
  }

  #submit(size: number): void {
    const { random, timeline } = this.#ports;
    const key = random.chance(0.8) ? `key-${++this.#submissions}` : null;
    // Without a key nobody might ever learn its id, to cancel it by.
    const isImpossible = key !== null && random.chance(0.02);
    const spec = this.#drawSpec(size, isImpossible);
    this.#submitUntilAnswered(spec, key, (jobId) => {
      this.#unanswered--;
      if (jobId === null) return;
      this.#jobIds.push(jobId);
      if (isImpossible) this.#impossible.push(jobId);
      if (this.#isAtTheEnd) this.cancelImpossible();
      // A script that ran twice.
      if (key !== null && random.chance(0.1))
        timeline.after(random.magnitude(1, 600_000), () => this.#submitUntilAnswered(spec, key, () => {}));
      if (random.chance(0.08))
        timeline.after(random.magnitude(1, 120_000), () =>
          this.#ask({ type: "cancelJob", jobId, actor: "user" }, () => {}),
        );
    });
  }

  #cancelUntilAnswered(jobId: JobId): void {
    this.#unanswered++;
    this.#ask({ type: "cancelJob", jobId, actor: "user" }, (answer) => {
      this.#unanswered--;
      if (answer === null) this.#cancelUntilAnswered(jobId);
    });
  }

  /** Only with a key it may be asked again; without one `onAnswer` hears `null` where no answer came. */
  #submitUntilAnswered(spec: JobSpec, key: string | null, onAnswer: (jobId: JobId | null) => void): void {
    const { random, timeline, observer } = this.#ports;
    const idempotency = key === null ? null : { key, requestSha256: `sha-${key}` };
    const command = { type: "submitJob", spec, actor: "user", idempotency } as const;
    this.#ask(
      command,
      (jobId) => {
        if (jobId !== null || key === null) onAnswer(jobId);
        else timeline.after(random.magnitude(...ASK_AGAIN_MS), () => this.#submitUntilAnswered(spec, key, onAnswer));
      },
      (jobId) => observer.onAcknowledged({ idempotencyKey: key, jobId }),
    );
  }

  /** `onAnswer` hears `null` where no answer came, or none that says yes. */
  #ask(command: UserCommand, onAnswer: (jobId: JobId | null) => void, onSent: (jobId: JobId) => void = () => {}): void {
    const { random, timeline, coordinator } = this.#ports;
    let isOver = false;
    const settle = (jobId: JobId | null): void => {
      if (isOver) return;
      isOver = true;
      onAnswer(jobId);
    };
    const travel = (arrive: () => void): void => {
      if (!random.chance(this.#answerLoss)) timeline.after(random.magnitude(...REQUEST_MS), arrive);
    };
    timeline.after(PATIENCE_MS, () => settle(null));
    travel(() =>
      coordinator.command(command, (result) => {
        const jobId = "jobId" in result ? result.jobId : null;
        if (jobId !== null) onSent(jobId);
        travel(() => settle(jobId));
      }),
    );
  }

  #drawSpec(size: number, isImpossible: boolean): JobSpec {
    const { random, sizes, secret } = this.#ports;
    const node = random.pick(sizes);
    const gpus = random.chance(0.4) ? this.#drawGpus(node.gpuIds.length) : 0;
    const behaviour = this.#drawBehaviour(size);
    const retries = random.pick([0, 0, 1, 3]);
    this.#workMs += behaviour.durationMs * size * (1 + retries);
    return toJobSpec(
      JobSubmission.parse({
        command: commandFor(behaviour),
        // Of jobs that come again it is known how long they took.
        ...(random.chance(0.3) && { name: random.pick(["nightly", "sweep"]) }),
        env: { SECRET: secret },
        resources: {
          cpus: random.pick([0.1, 0.5, 1, node.cpuMilli / 1000]),
          memory: random.pick([1, 64, 512]) * MIB,
          gpus: isImpossible ? 100 : gpus,
        },
        ...(size > 1 && { array: { size } }),
        retries,
        priority: random.pick([0, 0, 0, 5, -5]),
        ...(this.#jobIds.length > 0 && random.chance(0.2) && { after: this.#drawDependencies() }),
        ...(random.chance(0.15) && { timeout: Math.round(random.magnitude(10, 60_000)) }),
        onDisconnect: random.chance(0.3) ? "wait" : "restart",
      }),
    );
  }

  /** Some as a whole, or a part of one. */
  #drawGpus(most: number): number {
    const { random } = this.#ports;
    return most > 0 && random.chance(0.5) ? random.pick([0.001, 0.1, 0.25, 0.5, 0.81]) : random.between(0, most);
  }

  #drawDependencies(): { job: JobId; when: "onSuccess" | "onFailure" | "always" }[] {
    const { random } = this.#ports;
    const jobIds = new Set(Array.from({ length: random.between(1, 3) }, () => random.pick(this.#jobIds)));
    return [...jobIds].map((job) => ({ job, when: random.pick(["onSuccess", "onSuccess", "onFailure", "always"]) }));
  }

  #drawBehaviour(size: number): Behaviour {
    const { random } = this.#ports;
    const isTalkative = random.chance(0.01);
    return {
      // Some outlive any lease.
      durationMs: size === 1 && random.chance(0.1) ? random.magnitude(60_000, 600_000) : random.magnitude(5, 30_000),
      exitCode: random.chance(0.85) ? 0 : random.between(1, 255),
      failures: random.chance(0.2) ? random.between(1, 3) : 0,
      outputLines: random.chance(0.3) ? 0 : isTalkative ? random.between(20, 60) : random.between(1, 12),
      lineBytes: isTalkative ? 60_000 : random.between(30, 200),
      ignoresTerm: random.chance(0.15),
      isMissing: random.chance(0.03),
    };
  }
}
