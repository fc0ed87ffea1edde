import { DroverError } from "@drover/shared/errors.ts";

/** As whom tasks run, where that is another user than the agent's. */
export interface JobUser {
  name: string;
  uid: number;
  gid: number;
  /** All that it belongs to, the main one included. */
  groups: readonly number[];
  home: string;
}

/** The user that install.sh makes, and that is taken where nobody names another. */
const USUAL_NAME = "drover-job";

export interface JobUserSource {
  /** Of the agent itself. */
  uid: number;
  /** `null` where a file cannot be read. */
  readText(path: string): string | null;
}

/**
 * Of the machine's own users (passwd(5), group(5)). Without a name it is `drover-job` where the agent is root and
 * there is such a user; `null`: tasks run as the agent does. Throws `config.invalid` on a name that cannot be.
 */
export function findJobUser(name: string | undefined, source: JobUserSource): JobUser | null {
  const wanted = name === undefined || name === "" ? USUAL_NAME : name;
  const user = readUser(wanted, source);
  if (wanted !== name) return source.uid === 0 ? user : null;
  if (user === null) throw new DroverError("config.invalid", `--job-user "${name}" is no user of this machine.`);
  if (user.uid === source.uid) return null;
  if (source.uid !== 0) throw new DroverError("config.invalid", `--job-user "${name}" needs an agent that is root.`);
  return user;
}

function readUser(name: string, { readText }: JobUserSource): JobUser | null {
  const lines = (path: string) => (readText(path) ?? "").split("\n").map((line) => line.split(":"));
  const entry = lines("/etc/passwd").find(([entryName]) => entryName === name);
  const [uid, gid] = [Number(entry?.[2]), Number(entry?.[3])];
  if (entry === undefined || !Number.isInteger(uid) || !Number.isInteger(gid)) return null;
  const joined = lines("/etc/group").filter((group) => group[3]?.split(",").includes(name));
  const groups = [...new Set([gid, ...joined.map((group) => Number(group[2]))])];
  return { name, uid, gid, groups, home: entry[5] || "/" };
}
