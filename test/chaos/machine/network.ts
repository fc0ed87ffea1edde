import type { AgentName, DaemonName, Fault } from "../plan/fault.ts";

/** What a network fault does to the way between some agents and the coordinator. */
export type Condition = Extract<Fault, { kind: "partition" | "cut" | "loss" }>;

/** Coordinator and agents reach each other through this alone, and it can be made bad. */
export interface ChaosNetwork {
  /** For the report. */
  readonly description: string;
  /** Where the coordinator listens, which is loopback: it has no authentication yet. */
  readonly listenAddress: string;
  /** For the run's own clients: a way that no fault touches. */
  readonly apiUrl: string;
  /** What the agent is told as the coordinator's address. */
  coordinatorUrlOf(agent: AgentName): string;
  /** What is written in front of a daemon's command, to start it in its place. */
  placeOf(daemon: DaemonName): readonly string[];
  /** Resolves when it is so; what it yields ends it. Conditions may overlap. */
  impose(condition: Condition): Promise<() => Promise<void>>;
  close(): void;
}

/** Keeps what is imposed on each agent at present, so that one condition's end does not end another. */
export class Conditions {
  readonly #apply: (agent: AgentName, active: readonly Condition[]) => Promise<void> | void;
  readonly #active = new Map<AgentName, Set<Condition>>();

  constructor(apply: (agent: AgentName, active: readonly Condition[]) => Promise<void> | void) {
    this.#apply = apply;
  }

  async impose(condition: Condition): Promise<() => Promise<void>> {
    await this.#change(condition, (active) => active.add(condition));
    return () => this.#change(condition, (active) => active.delete(condition));
  }

  async #change(condition: Condition, change: (active: Set<Condition>) => void): Promise<void> {
    await Promise.all(
      condition.agents.map(async (agent) => {
        const active = this.#active.get(agent) ?? new Set();
        this.#active.set(agent, active);
        change(active);
        await this.#apply(agent, [...active]);
      }),
    );
  }
}
