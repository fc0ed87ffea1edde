import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findCgroup } from "@drover/agent/runtime/cgroup-directory.ts";
import { createClient, type DroverClient } from "@drover/shared/client/client.ts";
import { CHECKOUT } from "../../support/local-fleet.ts";
import { newLocalToken } from "../../support/local-token.ts";
import { waitFor } from "../../support/wait-for.ts";
import { mountDisk, plainFolder, type Disk } from "../machine/disk.ts";
import type { Janitor } from "../machine/janitor.ts";
import { openLoopback } from "../machine/loopback.ts";
import { openNamespaces } from "../machine/namespaces.ts";
import type { ChaosNetwork } from "../machine/network.ts";
import { missingForDisks } from "../machine/permissions.ts";
import { MARK } from "../machine/processes.ts";
import { AGENT_NAMES, type AgentName, type DaemonName } from "../plan/fault.ts";
import { Daemon } from "./daemon.ts";

/** So short that a run of half a minute meets leases that end. */
const LEASE = "3s";
const HEARTBEAT = "1s";
const MIB = 1024 ** 2;
const COORDINATOR_DISK_BYTES = 512 * MIB;
const AGENT_DISK_BYTES = 128 * MIB;
const START_LIMIT_MS = 60_000;

export interface FleetOptions {
  /** Unique among all runs on this machine at present. */
  run: string;
  folder: string;
  janitor: Janitor;
  network: "namespaces" | "loopback";
  /** Aborted, the network is closed and no daemon is started any more. */
  over: AbortSignal;
  /** A daemon ended, and nobody of the run had ended it. It is started again. */
  onUnexpectedEnd: (daemon: DaemonName, how: string, diskWasFull: boolean) => void;
}

/** A real coordinator and three real agents, each in its place and on its disk. */
export interface ChaosFleet {
  /** How faithful this machine lets the run be. */
  readonly description: string;
  readonly client: DroverClient;
  readonly network: ChaosNetwork;
  readonly coordinatorDataDir: string;
  readonly databaseFile: string;
  /** Whether `disk(…).fill()` does anything. */
  readonly disksCanFill: boolean;
  daemon(name: DaemonName): Daemon;
  disk(name: DaemonName): Disk;
  logFileOf(name: DaemonName): string;
  /** The attempts in an agent's spool. */
  spoolOf(agent: AgentName): string[];
  /** In good order: nothing of the daemons is left, nor of their control groups. */
  stop(): Promise<void>;
}

/** Starts it and resolves when all agents are online. */
export async function startChaosFleet(options: FleetOptions): Promise<ChaosFleet> {
  const { run, folder, janitor } = options;
  const network = options.network === "namespaces" ? await openNamespaces(run, folder, janitor) : await openLoopback();
  options.over.addEventListener("abort", () => network.close());
  const disksCanFill = missingForDisks().length === 0;
  const token = newLocalToken();
  const disks = new Map<DaemonName, Disk>();
  const daemons = new Map<DaemonName, Daemon>();
  const logFileOf = (name: DaemonName): string => join(folder, "logs", `${name}.log`);
  mkdirSync(join(folder, "logs"), { recursive: true });

  for (const name of ["coordinator", ...AGENT_NAMES] as const) {
    const place = join(folder, name);
    const size = name === "coordinator" ? COORDINATOR_DISK_BYTES : AGENT_DISK_BYTES;
    const disk = disksCanFill ? await mountDisk(place, size, janitor) : plainFolder(place);
    disks.set(name, disk);
    const program = name === "coordinator" ? "coordinator" : "agent";
    const args =
      name === "coordinator"
        ? ["--listen", network.listenAddress, "--lease", LEASE, "--heartbeat", HEARTBEAT, ...token.options]
        : ["--coordinator", network.coordinatorUrlOf(name), "--name", name, "--cpus", "4", "--memory", "1GiB"]
            // Its tasks are this program's own, and whoever runs it as root means that.
            .concat(process.getuid?.() === 0 ? ["--job-user", "root"] : []);
    const daemon = new Daemon({
      name,
      command: [
        ...network.placeOf(name),
        process.execPath,
        join(CHECKOUT, `packages/${program}/bin/drover-${program}.mjs`),
      ]
        .concat(args)
        .concat("--data-dir", join(place, "data"), "--log", "json"),
      env: { [MARK]: run },
      logFile: logFileOf(name),
      over: options.over,
      onUnexpectedEnd: (how) => options.onUnexpectedEnd(name, how, disk.wasFullJustNow),
    });
    daemons.set(name, daemon);
    daemon.start();
  }

  const client = createClient(network.apiUrl, { token: token.read });
  await waitFor(
    "the agents to be online",
    async () => {
      const { nodes } = await client.listNodes();
      return nodes.filter(({ link }) => link === "online").length === AGENT_NAMES.length;
    },
    START_LIMIT_MS,
  );
  await willRemoveControlGroups(client, janitor);
  return {
    description: disksCanFill
      ? network.description
      : `${network.description}; disks are not filled (missing: ${missingForDisks().join(", ")})`,
    client,
    network,
    coordinatorDataDir: join(folder, "coordinator/data"),
    databaseFile: join(folder, "coordinator/data/drover.db"),
    disksCanFill,
    daemon: (name) => daemons.get(name)!,
    disk: (name) => disks.get(name)!,
    logFileOf,
    spoolOf: (agent) => readdirSync(join(folder, agent, "data/attempts")),
    async stop() {
      for (const agent of AGENT_NAMES) await daemons.get(agent)?.stop();
      await daemons.get("coordinator")?.stop();
    },
  };
}

/** An agent that is killed leaves the control groups of its attempts to the next agent of its node, which will not come. */
async function willRemoveControlGroups(client: DroverClient, janitor: Janitor): Promise<void> {
  const mountInfo = readFileSync("/proc/self/mountinfo", "utf8");
  const ownCgroups = readFileSync("/proc/self/cgroup", "utf8");
  const own = ([null, "memory", "cpu", "cpuset"] as const).flatMap(
    (controller) => findCgroup(mountInfo, ownCgroups, controller)?.directory ?? [],
  );
  for (const { id } of (await client.listNodes()).nodes) {
    for (const directory of new Set(own)) {
      const folder = join(directory, `drover-${id}`);
      janitor.willRun(["sh", "-c", `test ! -d "${folder}" || find "${folder}" -depth -type d -exec rmdir {} ";"`]);
    }
  }
}
