import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient, type DroverClient } from "@drover/shared/client/client.ts";
import type { JobSubmission } from "@drover/shared/domain/job.ts";
import { bundle } from "../../deploy/bundle.ts";
import { freePort } from "../support/free-port.ts";
import { newLocalToken, type LocalToken } from "../support/local-token.ts";
import { startNode, stop } from "../support/processes.ts";

export const ROOT = dirname(dirname(import.meta.dirname));
const READY_LIMIT_MS = 60_000;

/** So small that slots never limit how many run at once. */
export const SMALL = { cpus: 0.05, memory: "1MiB" } as const;
export const NO_OP: JobSubmission = { command: ["/bin/true"], resources: SMALL };

export interface Coordinator {
  url: string;
  client: DroverClient;
  token: LocalToken;
  dataDir: string;
  child: ChildProcess;
  pid: number;
  /** From the start of the process until /readyz says yes. */
  readyMs: number;
}

export interface Agent {
  child: ChildProcess;
  pid: number;
}

/** What every figure gets: the programs in their delivered form, and a folder on a real disk. */
export interface Workshop {
  newFolder(name: string): string;
  startCoordinator(dataDir?: string): Promise<Coordinator>;
  /** Resolves when the coordinator shows it online. */
  startAgent(coordinator: Coordinator, moreWords?: readonly string[]): Promise<Agent>;
  close(): void;
}

/** The programs are bundled anew, into the checkout's own folder: /tmp may be memory, where fsync is free. */
export async function openWorkshop(): Promise<Workshop> {
  mkdirSync(join(ROOT, ".drover"), { recursive: true });
  const folder = mkdtempSync(join(ROOT, ".drover/bench-"));
  const programs = join(folder, "programs");
  await bundle(programs, ["drover-coordinator", "drover-agent"]);
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const newFolder = (name: string): string => mkdtempSync(join(folder, `${name}-`));

  return {
    newFolder,
    async startCoordinator(dataDir = newFolder("coordinator")) {
      const listen = `127.0.0.1:${await freePort()}`;
      const token = newLocalToken();
      const startedAt = performance.now();
      const child = startNode(
        [join(programs, "drover-coordinator.mjs")]
          .concat("--listen", listen, "--data-dir", dataDir, "--log", "json")
          .concat(token.options),
      );
      child.stdout?.resume();
      const url = `http://${listen}`;
      await until(child, async () => (await fetch(`${url}/readyz`)).ok);
      const readyMs = performance.now() - startedAt;
      return {
        url,
        client: createClient(url, { token: token.read }),
        token,
        dataDir,
        child,
        pid: child.pid ?? 0,
        readyMs,
      };
    },
    async startAgent(coordinator, moreWords = []) {
      const child = startNode(
        [join(programs, "drover-agent.mjs")]
          .concat("--coordinator", coordinator.url)
          .concat("--data-dir", newFolder("agent"), "--name", "bench", ...moreWords)
          .concat(process.getuid?.() === 0 ? ["--job-user", "root"] : []),
      );
      child.stdout?.resume();
      await until(child, async () => {
        const { nodes } = await coordinator.client.listNodes();
        return nodes.some((node) => node.link === "online");
      });
      return { child, pid: child.pid ?? 0 };
    },
    close() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function withFleet<T>(
  workshop: Workshop,
  use: (coordinator: Coordinator, agent: Agent) => Promise<T>,
): Promise<T> {
  const coordinator = await workshop.startCoordinator();
  try {
    const agent = await workshop.startAgent(coordinator);
    try {
      return await use(coordinator, agent);
    } finally {
      await stop(agent.child);
    }
  } finally {
    await stop(coordinator.child);
  }
}

/** Resolves when no job waits or runs. */
export async function untilAllEnded(client: DroverClient, limitMs = 300_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  for (const state of ["queued", "running"] as const) {
    while ((await client.listJobs({ state, limit: 1 })).jobs.length > 0) {
      if (performance.now() > deadline) throw new Error(`jobs are still ${state} after ${limitMs / 1000} s`);
      await sleep(100);
    }
  }
}

async function until(child: ChildProcess, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + READY_LIMIT_MS;
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`${child.spawnargs[1]} ended with exit code ${child.exitCode}`);
    if (await isSo().catch(() => false)) return;
    await sleep(5);
  }
  throw new Error(`${child.spawnargs[1]} was not ready after ${READY_LIMIT_MS / 1000} s`);
}
