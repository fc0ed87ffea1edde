import type { AttemptId } from "@drover/shared/domain/ids.ts";
import type { OnDisconnect } from "@drover/shared/domain/job.ts";
import { wholeNumber } from "./lines.ts";

/** What a supervisor must know to run an attempt without its agent. */
export interface Launch {
  attemptId: AttemptId;
  /** Nothing is ever started from a launch of an earlier boot: its attempt was running when the machine went down. */
  bootId: string;
  timeoutMs: number | null;
  stopGraceMs: number;
  onDisconnect: OnDisconnect;
  workDir: string;
  /** As whom, with all groups; `null`: as the agent. */
  user: { uid: number; gid: number; groups: readonly number[] } | null;
  /** How far behind the machine's own processes it stands, as of nice(2); 0 where a cgroup weighs its CPUs. */
  niceness: number;
  cgroups: AttemptCgroups;
  gpus: readonly HeldGpu[];
  arguments: readonly string[];
  environment: Readonly<Record<string, string>>;
}

/** A GPU, or an instance of a split one, that an attempt holds. */
export interface HeldGpu {
  id: string;
  /** What of its memory was taken before the attempt; `null` where nobody said. */
  takenBytes: number | null;
}

/** The directories that the supervisor makes for the attempt, where the node has some to give, and sets as it is told. */
export interface AttemptCgroups {
  /** Of version 2: entered at birth, killed at once. */
  unified: string | null;
  /** Of version 1, one for each controller. */
  ofControllers: readonly string[];
  /** Absolute paths of files in them, and what is written there, in order. */
  settings: readonly (readonly [file: string, value: string])[];
  /** Which of the directories counts memory. */
  memory: string | null;
}

/**
 * The file `launch`: pairs of NUL-terminated strings, so that every byte an argument may hold survives without
 * quoting, and `tr '\0' '\n' < launch` reads well. native/launch.h is the other side.
 */
export function formatLaunch(launch: Launch): string {
  const { cgroups } = launch;
  let text = `attemptId\0${launch.attemptId}\0bootId\0${launch.bootId}\0`;
  if (launch.timeoutMs !== null) text += `timeoutMs\0${launch.timeoutMs}\0`;
  text += `stopGraceMs\0${launch.stopGraceMs}\0onDisconnect\0${launch.onDisconnect}\0workDir\0${launch.workDir}\0`;
  if (launch.user !== null) text += `user\0${[launch.user.uid, launch.user.gid, ...launch.user.groups].join(" ")}\0`;
  if (launch.niceness !== 0) text += `niceness\0${launch.niceness}\0`;
  if (cgroups.unified !== null) text += `cgroup\0${cgroups.unified}\0`;
  for (const directory of cgroups.ofControllers) text += `cgroupOfController\0${directory}\0`;
  for (const [file, value] of cgroups.settings) text += `cgroupSetting\0${file}=${value}\0`;
  if (cgroups.memory !== null) text += `memoryCgroup\0${cgroups.memory}\0`;
  for (const { id, takenBytes } of launch.gpus) text += `gpu\0${id}${takenBytes === null ? "" : ` ${takenBytes}`}\0`;
  for (const argument of launch.arguments) text += `arg\0${argument}\0`;
  for (const [name, value] of Object.entries(launch.environment)) text += `env\0${name}=${value}\0`;
  return text;
}

/** The part of a launch that a restarted agent needs. */
export interface LaunchOrigin {
  bootId: string;
  cgroupDirectories: readonly string[];
  gpus: readonly HeldGpu[];
}

/** `null` where the text is no launch. */
export function parseLaunchOrigin(text: string): LaunchOrigin | null {
  const strings = text.split("\0");
  const valuesOf = (wanted: string) => strings.filter((_, i) => i % 2 === 1 && strings[i - 1] === wanted);
  const [bootId] = valuesOf("bootId");
  if (bootId === undefined) return null;
  const cgroupDirectories = [...valuesOf("cgroup"), ...valuesOf("cgroupOfController")];
  return { bootId, cgroupDirectories, gpus: valuesOf("gpu").map(parseHeldGpu) };
}

function parseHeldGpu(text: string): HeldGpu {
  const [id = "", takenBytes] = text.split(" ");
  return { id, takenBytes: wholeNumber(takenBytes) };
}
