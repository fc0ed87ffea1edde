import type { Clock } from "@drover/shared/clock.ts";
import type { AttemptId } from "@drover/shared/domain/ids.ts";
import type { Fleet } from "./core/fleet.ts";
import { Engine, type CommittedTurn } from "./engine/engine.ts";
import { AgentGateway } from "./gateway/agent-gateway.ts";
import type { AnswerModelQuery } from "./gateway/model-queries.ts";
import type { NodeIdentity } from "./gateway/node-identity.ts";
import type { OutputFiles } from "./output/output-files.ts";
import { OutputStore } from "./output/output-store.ts";
import type { History } from "./store/read-history.ts";
import type { TurnStore } from "./store/store.ts";
import type { Log } from "./telemetry/log.ts";
import { logTurn } from "./telemetry/log-turn.ts";

export interface ControlPorts {
  fleet: Fleet;
  store: TurnStore;
  history: Pick<History, "jobUnderKey" | "jobState">;
  identity: NodeIdentity;
  /** Never the same twice, and nobody can guess it. */
  drawNonce: () => string;
  files: OutputFiles;
  answerModelQuery: AnswerModelQuery;
  dataDir: string;
  clock: Clock;
  log: Log;
  /** After all that a durable turn set free towards agents and the log has left. */
  onReleased(turn: CommittedTurn): void;
  onOutputGrown(attemptId: AttemptId): void;
}

/** The coordinator without its doors: what decides, remembers and talks to agents. The simulator runs this too. */
export interface Control {
  engine: Engine;
  gateway: AgentGateway;
  outputs: OutputStore;
}

export function createControl(ports: ControlPorts): Control {
  const { fleet, store, history, clock, log } = ports;
  const outputs = new OutputStore(ports.files, ports.dataDir, (attemptId) => ports.onOutputGrown(attemptId));
  const engine = new Engine({
    fleet,
    store,
    clock,
    jobUnderKey: (key) => history.jobUnderKey(key),
    jobState: (jobId) => history.jobState(jobId),
    release,
    onStoreHealth(problem) {
      if (problem) log.error({ event: "store.commitFailed", code: problem.code, err: problem.cause }, problem.message);
      else log.info({ event: "store.recovered" }, "store recovered");
    },
    onDefect: (err, inputType) =>
      log.error({ event: "core.defect", inputType, err }, "an input met a defect and was dropped"),
    onStall: (stalledMs) =>
      log.warn({ event: "coordinator.stalled", stalledMs }, "coordinator stalled; every lease is extended"),
  });
  const gateway = new AgentGateway({
    engine,
    outputs,
    identity: ports.identity,
    drawNonce: ports.drawNonce,
    answerModelQuery: ports.answerModelQuery,
    clock,
    log,
  });

  /** Everything that a durable turn sets free, in one place. */
  function release(turn: CommittedTurn): void {
    gateway.release(turn);
    logTurn(log, turn);
    for (const { event } of turn.written.events)
      if (event.event === "attempt.ended") void outputs.seal(event.attemptId as AttemptId).catch(() => {});
    ports.onReleased(turn);
  }
  return { engine, gateway, outputs };
}
