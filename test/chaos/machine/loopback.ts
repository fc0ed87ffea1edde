import { freePort } from "../../support/free-port.ts";
import { AGENT_NAMES, type AgentName } from "../plan/fault.ts";
import { Conditions, type ChaosNetwork, type Condition } from "./network.ts";
import { Relay, type Direction } from "./relay.ts";

/** Lost packets delay a connection and in the end break it; here it only breaks, so often. */
const LOSS_RESET_MS = 700;

/**
 * For machines where no network namespace may be made: all on loopback, each agent through a relay of its own
 * that plays the faults. What it cannot play is what TCP makes of a bad network: retransmission and its timeouts.
 */
export async function openLoopback(): Promise<ChaosNetwork> {
  const port = await freePort();
  const relays = new Map<AgentName, Relay>();
  const resets = new Map<AgentName, NodeJS.Timeout>();
  for (const agent of AGENT_NAMES)
    relays.set(agent, await Relay.listen({ host: "127.0.0.1", port: 0 }, { host: "127.0.0.1", port }));

  function apply(agent: AgentName, active: readonly Condition[]): void {
    const relay = relays.get(agent)!;
    const isCut = active.some(({ kind }) => kind === "cut");
    relay.block(blockedBy(active));
    relay.refuse(isCut);
    if (isCut) relay.reset();
    clearInterval(resets.get(agent));
    if (active.some(({ kind }) => kind === "loss"))
      resets.set(
        agent,
        setInterval(() => relay.reset(), LOSS_RESET_MS),
      );
  }
  const conditions = new Conditions(apply);

  return {
    description: "loopback, with a relay before each agent that plays the network's faults",
    listenAddress: `127.0.0.1:${port}`,
    apiUrl: `http://127.0.0.1:${port}`,
    coordinatorUrlOf: (agent) => `http://127.0.0.1:${relays.get(agent)!.port}`,
    placeOf: () => [],
    impose: (condition) => conditions.impose(condition),
    close() {
      for (const timer of resets.values()) clearInterval(timer);
      for (const relay of relays.values()) relay.close();
    },
  };
}

function blockedBy(active: readonly Condition[]): Direction[] {
  return active.flatMap((condition): Direction[] => {
    if (condition.kind !== "partition") return [];
    if (condition.blocked === "both") return ["up", "down"];
    return condition.blocked === "toCoordinator" ? ["up"] : ["down"];
  });
}
