import { loadNodeId } from "@drover/agent/identity.ts";
import { saveMembership } from "@drover/agent/membership/membership.ts";
import { makeNodeKey, publicKeyOf } from "@drover/agent/membership/node-key.ts";
import type { EnrolmentStore } from "@drover/coordinator/store/enrolment-store.ts";
import { Process } from "../world/process.ts";
import { filesOf } from "./agent-files.ts";
import { DATA_DIR, type NodeMachine } from "./node-machine.ts";

export const COORDINATOR_URL = "http://coordinator.test";

/**
 * What joining leaves on both sides, before anything goes wrong: the simulator has no HTTP. An agent of protocol
 * version 1 cannot join; it comes from the coordinator's own machine.
 */
export function enrol(machine: NodeMachine, store: EnrolmentStore): void {
  if (machine.protocolVersion === 1) return;
  const setup = new Process(`${machine.name} setup`, machine.timeline, machine.onUncaught);
  const files = filesOf(machine, setup);
  const randomBelow = (limit: number): number => machine.random.below(limit);
  files.makeDirectory(DATA_DIR, { recursive: true, mode: 0o700 });
  const nodeId = loadNodeId(DATA_DIR, files, randomBelow);
  const publicKey = publicKeyOf(makeNodeKey(DATA_DIR, files, randomBelow));
  const { name, machineId } = machine;
  const granted = { site: null, labels: {}, namePattern: null, inviteId: "simulated1", address: null, joinedAtMs: 0 };
  store.putEnrolment({ nodeId, name, machineId, publicKey, state: "enrolled", ...granted }, null);
  saveMembership(DATA_DIR, files, {
    fleetId: store.fleetId(),
    coordinatorUrl: COORDINATOR_URL,
    trust: { type: "plain" },
  });
  machine.disk.syncAll();
  setup.kill();
}
