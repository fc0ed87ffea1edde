import type { MachineFiles } from "../machine-files.ts";

export interface ProcessOwner {
  user: string | null;
  command: string | null;
  attemptId: string | null;
}

const UNKNOWN: ProcessOwner = { user: null, command: null, attemptId: null };
/** Far more than a machine's GPUs have processes; beyond it the cache begins anew. */
const MAX_REMEMBERED = 4096;

/**
 * Whose a process is. What an attempt started carries its id in the environment, also when its parent is long dead;
 * where we may not read that, the cgroup that we made for the attempt names it. Looked up twice for each process: a pid
 * and its start time together never come again.
 */
export function createProcessOwners(files: MachineFiles): (pid: number) => ProcessOwner {
  const remembered = new Map<string, ProcessOwner>();
  const seenOnce = new Set<string>();
  let users: ReadonlyMap<string, string> | null = null;
  return (pid) => {
    const stat = files.read(`/proc/${pid}/stat`);
    if (stat === null) return UNKNOWN;
    const key = `${pid}/${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
    const known = remembered.get(key);
    if (known !== undefined) return known;
    users ??= parseUsers(files.read("/etc/passwd") ?? "");
    const owner = readOwner(files, pid, users);
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    if (seenOnce.size >= MAX_REMEMBERED) seenOnce.clear();
    // Between fork and exec a process still looks like its parent: believed is what is the same at a second look.
    if (seenOnce.delete(key)) remembered.set(key, owner);
    else seenOnce.add(key);
    return owner;
  };
}

function readOwner(files: MachineFiles, pid: number, users: ReadonlyMap<string, string>): ProcessOwner {
  const environment = files.read(`/proc/${pid}/environ`) ?? "";
  const cgroups = files.read(`/proc/${pid}/cgroup`) ?? "";
  const uid = /^Uid:\s+(\d+)/m.exec(files.read(`/proc/${pid}/status`) ?? "")?.[1];
  const named = environment.split("\0").find((entry) => entry.startsWith("DROVER_ATTEMPT_ID="));
  const words = withoutValues((files.read(`/proc/${pid}/cmdline`) ?? "").split("\0"))
    .join(" ")
    .trim();
  return {
    user: uid === undefined ? null : (users.get(uid) ?? uid),
    command: words === "" ? null : words.slice(0, 200),
    attemptId:
      named?.slice("DROVER_ATTEMPT_ID=".length) ?? /\/drover-node-[^/\n]+\/([^/\n]+)/.exec(cgroups)?.[1] ?? null,
  };
}

/** Up to the first option: what follows may be somebody's password, and this goes into logs and to every viewer. */
function withoutValues(words: readonly string[]): readonly string[] {
  const end = words.findIndex((word) => word.startsWith("--") || word.includes("="));
  return end < 0 ? words : words.slice(0, end);
}

function parseUsers(passwd: string): Map<string, string> {
  return new Map(
    passwd.split("\n").flatMap((line) => {
      const [name, , uid] = line.split(":");
      return name === undefined || uid === undefined ? [] : [[uid, name] as const];
    }),
  );
}
