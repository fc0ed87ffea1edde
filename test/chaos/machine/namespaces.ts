import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { AGENT_NAMES, type DaemonName } from "../plan/fault.ts";
import { runCommand } from "./commands.ts";
import type { Janitor } from "./janitor.ts";
import { Conditions, type ChaosNetwork, type Condition } from "./network.ts";
import { missingForNamespaces } from "./permissions.ts";
import { MARK } from "./processes.ts";
import { Relay, type Endpoint } from "./relay.ts";

const PORT = 7070;
const LOOPBACK: Endpoint = { host: "127.0.0.1", port: PORT };
const HOSTS: readonly DaemonName[] = ["coordinator", ...AGENT_NAMES];

/** Not routed anywhere: the bridge is all that these addresses reach. */
const addressOf = (host: DaemonName): string => `10.77.0.${HOSTS.indexOf(host) + 1}`;

/**
 * A namespace for the coordinator and one for each agent, on a bridge in a namespace of its own; nothing is put
 * into the machine's own. The daemons know loopback alone, so relays in each namespace carry their bytes to the
 * bridge and back:
 *
 *   agent ──► 127.0.0.1 ═relay═► bridge ═relay═► 127.0.0.1 ──► coordinator
 *                                                    ▲
 *          the run's clients ══════ a socket in the file system, which namespaces do not part
 */
export async function openNamespaces(run: string, folder: string, janitor: Janitor): Promise<ChaosNetwork> {
  const nameOf = (host: DaemonName | "switch"): string => `chaos-${run}-${host}`;
  const placeOf = (host: DaemonName): string[] => ["nsenter", `--net=/run/netns/${nameOf(host)}`];

  const relays: ChildProcess[] = [];
  const startRelay = async (host: DaemonName, ...ways: Endpoint[]): Promise<void> => {
    relays.push(await startRelayProgram(run, placeOf(host), ways));
  };
  for (const host of ["switch", ...HOSTS] as const) {
    janitor.willRun(["ip", "netns", "del", nameOf(host)]);
    await runCommand(["ip", "netns", "add", nameOf(host)]);
    await runCommand(["ip", "-n", nameOf(host), "link", "set", "lo", "up"]);
  }
  await layCables(nameOf);

  const bridge: Endpoint = { host: addressOf("coordinator"), port: PORT };
  const apiSocket: Endpoint = { path: join(folder, "api.sock") };
  await startRelay("coordinator", bridge, LOOPBACK, apiSocket, LOOPBACK);
  for (const agent of AGENT_NAMES) await startRelay(agent, LOOPBACK, bridge);
  const api = await Relay.listen({ host: "127.0.0.1", port: 0 }, apiSocket);
  const conditions = new Conditions((agent, active) =>
    runCommand([...placeOf(agent), "nft", "-f", "-"], rulesFor(active)),
  );

  return {
    description: `${AGENT_NAMES.length + 1} network namespaces on a bridge`,
    listenAddress: `127.0.0.1:${PORT}`,
    apiUrl: `http://127.0.0.1:${api.port}`,
    coordinatorUrlOf: () => `http://127.0.0.1:${PORT}`,
    placeOf,
    impose: (condition) => conditions.impose(condition),
    close() {
      api.close();
      for (const relay of relays) relay.stdin?.end();
    },
  };
}

/** Tries all that a run will need, in a namespace that the janitor removes; says what failed, if anything did. */
export async function whyNoNamespaces(run: string, janitor: Janitor): Promise<string | null> {
  const missing = missingForNamespaces();
  if (missing.length > 0) return `missing: ${missing.join(", ")}`;
  const name = `chaos-${run}-trial`;
  const agents = [...AGENT_NAMES];
  const everyRule = rulesFor([
    { kind: "partition", agents, blocked: "both", forMs: 0 },
    { kind: "cut", agents, forMs: 0 },
    { kind: "loss", agents, percent: 1, forMs: 0 },
  ]);
  try {
    await runCommand(["ip", "netns", "add", name]);
    janitor.willRun(["ip", "netns", "del", name]);
    await runCommand(["nsenter", `--net=/run/netns/${name}`, "nft", "-f", "-"], everyRule);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function layCables(nameOf: (host: DaemonName | "switch") => string): Promise<void> {
  const hub = nameOf("switch");
  await runCommand(["ip", "-n", hub, "link", "add", "bridge", "type", "bridge"]);
  await runCommand(["ip", "-n", hub, "link", "set", "bridge", "up"]);
  for (const [index, host] of HOSTS.entries()) {
    const name = nameOf(host);
    const plug = `port${index}`;
    await runCommand(["ip", "-n", hub, "link", "add", plug, "type", "veth", "peer", "name", "eth0", "netns", name]);
    await runCommand(["ip", "-n", hub, "link", "set", plug, "master", "bridge", "up"]);
    await runCommand(["ip", "-n", name, "addr", "add", `${addressOf(host)}/24`, "dev", "eth0"]);
    await runCommand(["ip", "-n", name, "link", "set", "eth0", "up"]);
  }
}

function startRelayProgram(run: string, place: readonly string[], ways: readonly Endpoint[]): Promise<ChildProcess> {
  const [program = process.execPath, ...args] = place
    .concat(process.execPath, join(import.meta.dirname, "relay-program.ts"))
    .concat(ways.map((way) => JSON.stringify(way)));
  const child = spawn(program, args, {
    env: { ...process.env, [MARK]: run },
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.on("error", () => {});
  return new Promise((resolve, reject) => {
    child.stdout.once("data", () => resolve(child));
    child.once("error", reject);
    child.once("close", (code) => reject(new Error(`a relay ended with exit code ${code}`)));
  });
}

/** In the agent's namespace, where `incoming` comes from the coordinator. */
function rulesFor(active: readonly Condition[]): string {
  const incoming: string[] = [];
  const outgoing: string[] = [];
  for (const condition of active) {
    switch (condition.kind) {
      case "partition":
        if (condition.blocked !== "toCoordinator") incoming.push('iifname "eth0" drop');
        if (condition.blocked !== "fromCoordinator") outgoing.push('oifname "eth0" drop');
        break;
      case "cut":
        outgoing.push('oifname "eth0" meta l4proto tcp reject with tcp reset');
        break;
      case "loss":
        incoming.push(`iifname "eth0" numgen random mod 100 < ${condition.percent} drop`);
        outgoing.push(`oifname "eth0" numgen random mod 100 < ${condition.percent} drop`);
        break;
    }
  }
  return `flush ruleset
table inet chaos {
  chain incoming { type filter hook input priority 0; ${incoming.map((rule) => `${rule};`).join(" ")} }
  chain outgoing { type filter hook output priority 0; ${outgoing.map((rule) => `${rule};`).join(" ")} }
}
`;
}
