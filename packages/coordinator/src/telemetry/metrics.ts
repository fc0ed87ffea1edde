import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Fleet } from "../core/fleet.ts";
import { countWaiting } from "../core/why-waiting.ts";
import type { CommittedTurn } from "../engine/engine.ts";

export interface Metrics {
  countTurn(turn: CommittedTurn): void;
  render(): Promise<{ contentType: string; text: string }>;
}

/** What Prometheus reads. Counters follow the events; gauges are taken from the fleet when asked. */
export function createMetrics(fleet: Fleet): Metrics {
  const registers = [new Registry()];
  const registry = registers[0] as Registry;
  collectDefaultMetrics({ register: registry });
  const events = new Counter({
    name: "drover_events_total",
    help: "Changes of state, by event",
    labelNames: ["event"],
    registers,
  });
  const attemptsEnded = new Counter({
    name: "drover_attempts_ended_total",
    help: "Attempts that ended, by who is to blame",
    labelNames: ["blame"],
    registers,
  });
  const turnSeconds = new Histogram({
    name: "drover_turn_seconds",
    help: "One turn: core, placement and commit",
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5],
    registers,
  });
  const turnInputs = new Counter({ name: "drover_turn_inputs_total", help: "Inputs that the turns took", registers });
  const nodes = new Gauge({ name: "drover_nodes", help: "Nodes, by link state", labelNames: ["link"], registers });
  const waiting = new Gauge({
    name: "drover_tasks_waiting",
    help: "Queued tasks, by reason",
    labelNames: ["reason"],
    registers,
  });
  const attempts = new Gauge({
    name: "drover_attempts_live",
    help: "Attempts that hold resources, by state",
    labelNames: ["state"],
    registers,
  });

  return {
    countTurn({ written, durationMs, inputCount }) {
      turnSeconds.observe(durationMs / 1000);
      turnInputs.inc(inputCount);
      for (const { event } of written.events) {
        events.inc({ event: event.event });
        if (event.event === "attempt.ended") attemptsEnded.inc({ blame: event.blame });
      }
    },
    async render() {
      nodes.reset();
      for (const node of fleet.nodes.values()) nodes.inc({ link: node.link });
      attempts.reset();
      for (const attempt of fleet.attempts.values()) attempts.inc({ state: attempt.state });
      waiting.reset();
      for (const [reason, count] of countWaiting(fleet)) waiting.set({ reason }, count);
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}
