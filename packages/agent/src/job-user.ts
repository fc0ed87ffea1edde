import { DroverError } from "@drover/shared/errors.ts";

/** As whom tasks run, where that is another user than the agent's. */
export interface JobUser {
  name: string;
  uid: number;
  gid: number;
  /** All that it belongs to, the main one included. */
  groups: readonly number[];
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
 * Of the machine's own users (passwd(5), group(5)); `null`: tasks run as the agent does. Where the agent is root that
 * takes the word `root`; without any word it is `drover-job`. Throws `config.invalid` on a name that cannot be.
 */
export function findJobUser(name: string | undefined, source: JobUserSource): JobUser | null {
  return source.uid === 0 ? userOfRoot(name || USUAL_NAME, source) : noOtherUser(name, source);
}

function userOfRoot(name: string, source: JobUserSource): JobUser | null {
  if (name === "root") return null;
  const user = readUser(name, source);
  if (user !== null && user.uid !== 0) return user;
  if (user !== null) throw invalid(`--job-user "${name}" has all the rights of root; where that is meant, say root.`);
  if (name !== USUAL_NAME) throw invalid(`--job-user "${name}" is no user of this machine.`);
  throw invalid(
    `The agent is root, and there is no user ${name} as whom tasks could run. Make it (useradd --system --user-group --no-create-home --shell /usr/sbin/nologin ${name}), name another with --job-user (or DROVER_JOB_USER), or let tasks be root: --job-user root.`,
  );
}

function noOtherUser(name: string | undefined, source: JobUserSource): null {
  if (name === undefined || name === "") return null;
  const user = readUser(name, source);
  if (user === null) throw invalid(`--job-user "${name}" is no user of this machine.`);
  if (user.uid !== source.uid) throw invalid(`--job-user "${name}" needs an agent that is root.`);
  return null;
}

function invalid(message: string): DroverError {
  return new DroverError("config.invalid", message);
}

function readUser(name: string, { readText }: JobUserSource): JobUser | null {
  const lines = (path: string) => (readText(path) ?? "").split("\n").map((line) => line.split(":"));
  const entry = lines("/etc/passwd").find(([entryName]) => entryName === name);
  const [uid, gid] = [Number(entry?.[2]), Number(entry?.[3])];
  if (entry === undefined || !Number.isInteger(uid) || !Number.isInteger(gid)) return null;
  const joined = lines("/etc/group").filter((group) => group[3]?.split(",").includes(name));
  const groups = [...new Set([gid, ...joined.map((group) => Number(group[2]))])];
  return { name, uid, gid, groups };
}
