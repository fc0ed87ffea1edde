import type { Hello } from "@drover/shared/protocol/messages.ts";
import { PROTOCOL_VERSION } from "@drover/shared/protocol/version.ts";
import { DROVER_VERSION } from "@drover/shared/version.ts";
import type { Attempts } from "./attempts/attempts.ts";
import type { NodeWatch } from "./health/node-watch.ts";
import type { Machine } from "./machine/machine.ts";
import type { NodeModels } from "./models/node-models.ts";

interface Known extends Pick<Hello, "nodeId" | "proof"> {
  config: Pick<Hello, "name" | "site">;
  machine: Pick<Machine, "bootId" | "machineId">;
  watch: Pick<NodeWatch, "state">;
  attempts: Pick<Attempts, "takeAllReports">;
  models: Pick<NodeModels, "takeAllReports"> | null;
}

/** All that the node is and has, as each connection begins with it. */
export function composeHello({ config, nodeId, proof, machine, watch, attempts, models }: Known): Hello {
  const { hardware, capacity, health } = watch.state();
  return {
    type: "hello",
    protocolVersion: PROTOCOL_VERSION,
    agentVersion: DROVER_VERSION,
    nodeId,
    name: config.name,
    bootId: machine.bootId,
    machineId: machine.machineId,
    site: config.site,
    capacity,
    hardware,
    health,
    attempts: attempts.takeAllReports(),
    placements: models?.takeAllReports() ?? null,
    proof,
  };
}
