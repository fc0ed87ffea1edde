import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Enforcement } from "@drover/shared/domain/enforcement.ts";
import { findCgroup, type CgroupController, type CgroupPlace } from "./cgroup-directory.ts";
import { parseProcessStat } from "./processes.ts";

/** Where attempts get cgroups of their own, and what those hold them to. */
export interface CgroupRoots {
  /** Of version 2: what is in it can be killed at once. */
  unified: string | null;
  /** Those controllers that may be set; of version 2 in `unified`, of version 1 in directories of their own. */
  controllers: Readonly<Partial<Record<CgroupController, CgroupRoot>>>;
  enforcement: Enforcement;
}

export interface CgroupRoot {
  version: 1 | 2;
  directory: string;
}

const CONTROLLERS = ["memory", "cpu", "cpuset"] as const;
/** Also the name of systemd's DelegateSubgroup= in our unit: a process must not stand where controllers are given on. */
const AGENT_LEAF = "drover-agent";

/** Writes what changes nothing, to see whether it may be written. */
const HARMLESS: Readonly<Record<1 | 2, Readonly<Record<CgroupController, readonly [file: string, value: string]>>>> = {
  1: { memory: ["memory.limit_in_bytes", "-1"], cpu: ["cpu.shares", "1024"], cpuset: ["cpuset.cpu_exclusive", "0"] },
  2: { memory: ["memory.max", "max"], cpu: ["cpu.weight", "100"], cpuset: ["cpuset.cpus", "\n"] },
};

/** Makes them where we may; says of each controller that we may not set why. */
export function openCgroups(nodeId: string, environment: NodeJS.ProcessEnv = process.env): CgroupRoots {
  const name = `drover-${nodeId}`;
  const controllers: Partial<Record<CgroupController, CgroupRoot>> = {};
  const reasons: string[] = [];
  const unified = attempt(() => openUnified(name, environment), reasons);
  for (const controller of CONTROLLERS) {
    const root = attempt(() => openController(controller, name, unified), reasons);
    if (root !== null) controllers[controller] = root;
  }
  const heldBy = (controller: CgroupController) => {
    const version = controllers[controller]?.version ?? null;
    return version === null ? null : (`cgroup${version}` as const);
  };
  return {
    // Linux 5.14; without it a cgroup of version 2 that sets nothing has nothing to offer.
    unified: unified !== null && (hasKill(unified) || isAnyOf(controllers, unified)) ? unified : null,
    controllers,
    enforcement: {
      memory: heldBy("memory"),
      cpu: heldBy("cpu"),
      cpuset: heldBy("cpuset"),
      reason: reasons.length === 0 ? null : [...new Set(reasons)].join("; "),
    },
  };
}

/** Leaves nothing behind, unless attempts go on in it: then a later agent of this node finds it again. */
export function closeCgroups({ unified, controllers }: CgroupRoots): void {
  for (const directory of new Set([unified, ...Object.values(controllers).map((root) => root.directory)])) {
    if (directory !== null) removeEmpty(directory);
  }
}

function attempt<T>(open: () => T, reasons: string[]): T | null {
  try {
    return open();
  } catch (error) {
    reasons.push(error instanceof Error ? error.message : String(error));
    return null;
  }
}

/** `null` where there is no hierarchy of version 2. */
function openUnified(name: string, environment: NodeJS.ProcessEnv): string | null {
  const place = ownPlace(null);
  if (place === null) return null;
  const delegated = basename(place.directory) === AGENT_LEAF ? dirname(place.directory) : place.directory;
  giveOn(delegated, place, environment);
  const root = join(delegated, name);
  mkdirSync(root, { recursive: true });
  for (const controller of availableIn(root)) write(join(root, "cgroup.subtree_control"), `+${controller}`);
  return root;
}

/**
 * Lets the cgroups below have the controllers that this one has. One with processes in it must not, or those below
 * could have none (cgroups(7), "no internal processes"); only the root of all may.
 */
function giveOn(delegated: string, place: CgroupPlace, environment: NodeJS.ProcessEnv): void {
  const wanted = availableIn(delegated).filter((controller) => !isGivenOn(delegated, controller));
  const standsInIt = delegated === place.directory && existsSync(join(delegated, "cgroup.type"));
  if (wanted.length === 0 || (standsInIt && !moveOut(delegated, place, environment))) return;
  for (const controller of wanted) write(join(delegated, "cgroup.subtree_control"), `+${controller}`);
}

/** Into a cgroup of its own below: this process and, where nothing else stands there, all that it started. */
function moveOut(delegated: string, place: CgroupPlace, environment: NodeJS.ProcessEnv): boolean {
  // A systemd without DelegateSubgroup= could not put a restarted agent back into a cgroup that gives controllers on
  // while attempts live below it.
  if (environment["INVOCATION_ID"] !== undefined) return false;
  // In the whole of a container's own hierarchy everything may be moved; elsewhere only what is ours.
  const pids = (readFileSync(join(delegated, "cgroup.procs"), "utf8").match(/\d+/g) ?? []).map(Number);
  if (delegated !== place.mountPoint && !pids.every(isOurs)) return false;
  const leaf = join(delegated, AGENT_LEAF);
  mkdirSync(leaf, { recursive: true });
  return pids.filter((pid) => !write(join(leaf, "cgroup.procs"), String(pid))).every((pid) => !isThere(pid));
}

function openController(controller: CgroupController, name: string, unified: string | null): CgroupRoot {
  const place = ownPlace(controller);
  if (place === null) throw new Error(`this system has no cgroups for ${controller}`);
  if (place.version === 2) {
    if (unified === null || !availableIn(unified).includes(controller))
      throw new Error(`the ${controller} controller is not delegated to the agent's cgroup ${place.directory}`);
    return tried(controller, { version: 2, directory: unified });
  }
  const directory = join(place.directory, name);
  mkdirSync(directory, { recursive: true });
  if (controller === "cpuset") {
    // Empty at first, and nothing may enter before both are said; those below begin with what is said here.
    for (const file of ["cpuset.cpus", "cpuset.mems"])
      writeFileSync(join(directory, file), readFileSync(join(place.directory, file), "utf8"));
    writeFileSync(join(directory, "cgroup.clone_children"), "1");
  }
  return tried(controller, { version: 1, directory });
}

/** By the only test that counts: a cgroup as an attempt will have it. */
function tried(controller: CgroupController, root: CgroupRoot): CgroupRoot {
  const [file, value] = HARMLESS[root.version][controller];
  const trial = join(root.directory, `trial-${process.pid}`);
  mkdirSync(trial, { recursive: true });
  try {
    writeFileSync(join(trial, file), value, { flag: "r+" });
  } finally {
    removeEmpty(trial);
  }
  return root;
}

function ownPlace(controller: CgroupController | null): CgroupPlace | null {
  return findCgroup(
    readFileSync("/proc/self/mountinfo", "utf8"),
    readFileSync("/proc/self/cgroup", "utf8"),
    controller,
  );
}

function availableIn(directory: string): CgroupController[] {
  const names = wordsIn(join(directory, "cgroup.controllers"));
  return CONTROLLERS.filter((controller) => names.includes(controller));
}

function isGivenOn(directory: string, controller: CgroupController): boolean {
  return wordsIn(join(directory, "cgroup.subtree_control")).includes(controller);
}

function wordsIn(path: string): string[] {
  return existsSync(path) ? readFileSync(path, "utf8").split(/\s+/) : [];
}

function isThere(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

/** This process, or one that it, or a child of it, started. */
function isOurs(pid: number): boolean {
  for (let one = pid; one > 1;) {
    if (one === process.pid) return true;
    const stat = isThere(one) ? parseProcessStat(readFileSync(`/proc/${one}/stat`, "utf8")) : null;
    if (stat === null) return true; // It has ended meanwhile.
    one = stat.parentPid;
  }
  return false;
}

function isAnyOf(controllers: CgroupRoots["controllers"], directory: string): boolean {
  return Object.values(controllers).some((root) => root.directory === directory);
}

function hasKill(directory: string): boolean {
  return existsSync(join(directory, "cgroup.kill"));
}

function write(path: string, text: string): boolean {
  try {
    writeFileSync(path, text);
    return true;
  } catch {
    return false;
  }
}

function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // In use, or not there.
  }
}
