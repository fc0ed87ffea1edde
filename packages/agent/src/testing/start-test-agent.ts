import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { startAgent, type Agent } from "../agent.ts";
import { dialWebSocket } from "../link/socket.ts";
import { readBasicHardware } from "../probe/hardware.ts";
import { DEFAULT_TOOL_PATHS } from "../probe/tools.ts";
import { linuxMachine } from "../machine/linux-machine.ts";

export const SUPERVISOR_PROGRAM = fileURLToPath(new URL("../../native/build/drover-supervisor", import.meta.url));

/** An empty directory of the running test. */
export function makeDataDir(): string {
  const dataDir = mkdtempSync(join(tmpdir(), "drover-agent-"));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 }));
  return dataDir;
}

export interface LoggedLine {
  line: string;
  fields: Readonly<Record<string, unknown>>;
}

export interface TestAgent extends Agent {
  dataDir: string;
  logged: LoggedLine[];
}

/** A whole agent in this process: real launcher, real files, real socket. */
export async function startTestAgent(coordinatorUrl: string, dataDir = makeDataDir()): Promise<TestAgent> {
  const logged: LoggedLine[] = [];
  let stopped: Promise<void> | null = null;
  const agent = await startAgent(
    {
      coordinatorUrl,
      dataDir,
      name: "test-node",
      tools: DEFAULT_TOOL_PATHS,
      foreignGpuUse: "leave-out",
      burnTest: null,
      jobUser: null,
      site: "test-site",
      cpuMilli: null,
      memoryBytes: null,
      logFormat: "json",
      logLevel: "info",
      supervisorProgram: SUPERVISOR_PROGRAM,
    },
    {
      machine: linuxMachine({
        tools: DEFAULT_TOOL_PATHS,
        dataDir,
        supervisorProgram: SUPERVISOR_PROGRAM,
        probeHardware: () => Promise.resolve(readBasicHardware()),
        diagnose: () => Promise.reject(new Error("a test's agent does not look at itself")),
        upgrade: () => Promise.reject(new Error("a test's agent stays what it is")),
      }),
      random: () => 0,
      randomBelow: (limit) => Math.floor(Math.random() * limit),
      dial: dialWebSocket([]),
      log: (line, fields = {}) => logged.push({ line, fields }),
      onReplaced: () => {},
      environment: process.env,
      openModels: null,
    },
  );
  const stop = () => (stopped ??= agent.stop());
  onTestFinished(stop);
  return { nodeId: agent.nodeId, stop, dataDir, logged };
}
