import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Site } from "@drover/shared/domain/node.ts";
import { DroverError } from "@drover/shared/errors.ts";
import { BYTES_PER_GIB, parseBytes } from "@drover/shared/units.ts";
import { ForeignGpuUse } from "./health/observe.ts";
import { findJobUser, type JobUser, type JobUserSource } from "./job-user.ts";
import { DEFAULT_TOOL_PATHS, type ToolPaths } from "./probe/tools.ts";

const LOG_FORMATS = ["json", "pretty"] as const;
const FOREIGN_GPU_USES = Object.values(ForeignGpuUse);
const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** The options as they come from the command line and the environment. */
export interface AgentOptions {
  coordinator?: string;
  dataDir?: string;
  name?: string;
  nvidiaSmi?: string;
  amdSmi?: string;
  rocmSmi?: string;
  xpuSmi?: string;
  burnTest?: string;
  jobUser?: string;
  foreignGpuUse?: string;
  site?: string;
  cpus?: string;
  memory?: string;
  modelDir?: string;
  modelCacheMax?: string;
  modelCacheKeepFree?: string;
  log?: string;
  logLevel?: string;
}

export interface AgentConfig {
  coordinatorUrl: string;
  dataDir: string;
  name: string;
  tools: ToolPaths;
  foreignGpuUse: ForeignGpuUse;
  /** A program that loads a GPU, for a doctor who is asked to. */
  burnTest: string | null;
  /** As whom tasks run; `null`: as the agent. */
  jobUser: JobUser | null;
  /** Which nodes it reaches cheaply; `null` where it was not said. */
  site: string | null;
  /** What is offered instead of what the machine has. */
  cpuMilli: number | null;
  memoryBytes: number | null;
  logFormat: (typeof LOG_FORMATS)[number];
  logLevel: (typeof LOG_LEVELS)[number];
  supervisorProgram: string;
}

/** Where models are kept, and how much they may take. */
export interface ModelOptions {
  root: string;
  /** `null`: as much as the disk has. */
  maxBytes: number | null;
  keepFreeBytes: number;
}

const DEFAULT_KEEP_FREE_BYTES = 2 * BYTES_PER_GIB;

/** The fleet that this node has joined. */
interface Joined {
  coordinatorUrl: string;
  trust: { type: string };
}

/** Throws `config.invalid` on what cannot be meant, and `agent.supervisorMissing`. */
export function parseConfig(
  options: AgentOptions,
  environment: Readonly<Record<string, string | undefined>>,
  users: JobUserSource,
  joined: Joined | null = null,
): AgentConfig {
  const coordinatorUrl = parseCoordinatorUrl(options.coordinator ?? joined?.coordinatorUrl);
  // An address that somebody changed must not talk the agent out of looking who answers there.
  if (joined !== null && joined.trust.type !== "plain" && !/^(https|wss):/.test(coordinatorUrl))
    throw invalid(`--coordinator "${coordinatorUrl}" is not https, and this node has joined its fleet over https.`);
  return {
    coordinatorUrl,
    dataDir: parseDataDir(options.dataDir),
    name: parseName(options.name),
    tools: parseTools(options),
    foreignGpuUse: parseForeignGpuUse(options.foreignGpuUse),
    burnTest: parseBurnTest(options),
    jobUser: findJobUser(options.jobUser, users),
    site: options.site === undefined || options.site === "" ? null : parseSite(options.site),
    cpuMilli: options.cpus === undefined ? null : parseCpuMilli(options.cpus),
    memoryBytes: options.memory === undefined ? null : parseMemory(options.memory),
    logFormat: oneOf(LOG_FORMATS, options.log ?? "json", "--log"),
    logLevel: oneOf(LOG_LEVELS, options.logLevel ?? "info", "--log-level"),
    supervisorProgram: findSupervisor(environment["DROVER_SUPERVISOR"]),
  };
}

/** Without any is what the PATH has. */
export function parseTools(options: AgentOptions): ToolPaths {
  const path = (given: string | undefined, usual: string) => (given === undefined || given === "" ? usual : given);
  return {
    nvidiaSmi: path(options.nvidiaSmi, DEFAULT_TOOL_PATHS.nvidiaSmi),
    amdSmi: path(options.amdSmi, DEFAULT_TOOL_PATHS.amdSmi),
    rocmSmi: path(options.rocmSmi, DEFAULT_TOOL_PATHS.rocmSmi),
    xpuSmi: path(options.xpuSmi, DEFAULT_TOOL_PATHS.xpuSmi),
  };
}

export function parseBurnTest({ burnTest }: AgentOptions): string | null {
  return burnTest === undefined || burnTest === "" ? null : burnTest;
}

export function parseForeignGpuUse(text: string | undefined): ForeignGpuUse {
  return oneOf(FOREIGN_GPU_USES, text ?? ForeignGpuUse.leaveOut, "--foreign-gpu-use");
}

/** What `drover-agent probe` and `doctor` are told, so that they see the machine as this agent does. */
export function lookWords({ coordinatorUrl, dataDir, tools, foreignGpuUse, burnTest }: AgentConfig): string[] {
  const { nvidiaSmi, amdSmi, rocmSmi, xpuSmi } = tools;
  const options = ["--coordinator", coordinatorUrl, "--data-dir", dataDir, "--nvidia-smi", nvidiaSmi];
  const others = ["--amd-smi", amdSmi, "--rocm-smi", rocmSmi, "--xpu-smi", xpuSmi, "--foreign-gpu-use", foreignGpuUse];
  return [...options, ...others, ...(burnTest === null ? [] : ["--burn-test", burnTest])];
}

/** `null` where it is no address, or ourselves: the route to loopback says nothing. */
export function coordinatorHost(url: string | undefined): string | null {
  const host = url !== undefined && URL.canParse(url) ? new URL(url).hostname.replaceAll(/[[\]]/g, "") : "";
  return host === "" || host === "localhost" || host === "::1" || host.startsWith("127.") ? null : host;
}

function invalid(message: string): DroverError {
  return new DroverError("config.invalid", message);
}

function required(value: string | undefined, option: string, variable: string): string {
  if (value === undefined || value === "") throw invalid(`${option} (or ${variable}) is missing.`);
  return value;
}

export function parseDataDir(text: string | undefined): string {
  return resolve(required(text, "--data-dir", "DROVER_AGENT_DATA_DIR"));
}

export function parseCoordinatorUrl(text: string | undefined): string {
  const value = required(text, "--coordinator", "DROVER_COORDINATOR");
  const url = URL.canParse(value) ? new URL(value) : null;
  if (url === null || !["http:", "https:", "ws:", "wss:"].includes(url.protocol)) {
    throw invalid(`--coordinator "${value}" is no address such as http://127.0.0.1:7070.`);
  }
  return value;
}

export function parseName(text: string | undefined): string {
  const name = text === undefined || text === "" ? hostname() : text;
  if (name.length > 200) throw invalid("--name has more than 200 characters.");
  return name;
}

function parseSite(text: string): string {
  const site = Site.safeParse(text);
  if (!site.success) throw invalid(`--site "${text}": ${site.error.issues[0]?.message}.`);
  return site.data;
}

function parseCpuMilli(text: string): number {
  const cpuMilli = Math.round(Number(text) * 1000);
  if (!/^\d+(\.\d+)?$/.test(text) || cpuMilli <= 0)
    throw invalid(`--cpus "${text}" is no number of CPUs such as 8 or 1.5.`);
  return cpuMilli;
}

export function parseModels(options: AgentOptions, dataDir: string): ModelOptions {
  const { modelDir, modelCacheMax, modelCacheKeepFree } = options;
  return {
    root: modelDir === undefined || modelDir === "" ? join(dataDir, "models") : resolve(modelDir),
    maxBytes: modelCacheMax === undefined ? null : parseSize(modelCacheMax, "--model-cache-max"),
    keepFreeBytes:
      modelCacheKeepFree === undefined
        ? DEFAULT_KEEP_FREE_BYTES
        : parseSize(modelCacheKeepFree, "--model-cache-keep-free"),
  };
}

function parseSize(text: string, option: string): number {
  const bytes = /^\d+$/.test(text) ? Number(text) : parseBytes(text);
  if (bytes === null) throw invalid(`${option} "${text}" is no size such as 64GiB.`);
  return bytes;
}

function parseMemory(text: string): number {
  const bytes = /^\d+$/.test(text) ? Number(text) : parseBytes(text);
  if (bytes === null || bytes <= 0) throw invalid(`--memory "${text}" is no size such as 64GiB.`);
  return bytes;
}

function oneOf<T extends string>(choices: readonly T[], text: string, option: string): T {
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined) throw invalid(`${option} "${text}" is none of ${choices.join(", ")}.`);
  return choice;
}

/** In the workspace it lies where it was compiled, in a delivery beside the bundle. */
function findSupervisor(configured: string | undefined): string {
  const candidates =
    configured === undefined || configured === ""
      ? ["../native/build/drover-supervisor", "./drover-supervisor"].map((path) =>
          fileURLToPath(new URL(path, import.meta.url)),
        )
      : [resolve(configured)];
  const found = candidates.find((path) => existsSync(path));
  if (found === undefined)
    throw new DroverError("agent.supervisorMissing", `There is no supervisor program at ${candidates[0]}.`);
  return found;
}
