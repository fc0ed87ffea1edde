import { readFileSync } from "node:fs";
import { Option, type Command } from "commander";
import { DroverError } from "@drover/shared/errors.ts";
import { parseCoordinatorUrl, parseDataDir, parseName, type AgentOptions } from "./config.ts";
import { nodeFileSystem } from "./machine/file-system.ts";
import { ownMachineId } from "./machine/linux-machine.ts";
import { joinFleet, type Joined } from "./membership/join-fleet.ts";
import { loadMembership, type Membership } from "./membership/membership.ts";

const STDIN = 0;

interface JoinExtras {
  force: boolean;
  /** Of a generator that nobody can guess. */
  randomBelow: (limit: number) => number;
}

export function registerJoin(program: Command, randomBelow: (limit: number) => number): void {
  program
    .command("join")
    .description("join a fleet by a token of `drover invite`; said again it is the same")
    .addOption(new Option("--token <token>", "the token; others see it here, so better in").env("DROVER_JOIN_TOKEN"))
    .addOption(
      new Option("--token-file <file>", "a file that holds it; - is standard input").env("DROVER_JOIN_TOKEN_FILE"),
    )
    .option("--force", "leave the fleet that this node is of")
    .action(async ({ token, tokenFile, force = false }: { token?: string; tokenFile?: string; force?: boolean }) => {
      const joined = await joinWith(program.opts(), readJoinToken(token, tokenFile), { force, randomBelow });
      const state = joined.isPending ? "waits for an operator to let it in: drover node approve" : "is of the fleet";
      process.stdout.write(`${joined.nodeId} ${state}\n`);
    });
}

export function readJoinToken(token: string | undefined, tokenFile: string | undefined): string | null {
  if (token !== undefined && token !== "") return token.trim();
  if (tokenFile === undefined || tokenFile === "") return null;
  try {
    return readFileSync(tokenFile === "-" ? STDIN : tokenFile, "utf8").trim();
  } catch (cause) {
    throw new DroverError("config.invalid", `The join token cannot be read: ${(cause as Error).message}.`, { cause });
  }
}

/** This machine, into the fleet that the token is of. */
async function joinWith(options: AgentOptions, token: string | null, extras: JoinExtras): Promise<Joined> {
  if (token === null)
    throw new DroverError("config.invalid", "--token (or --token-file, or DROVER_JOIN_TOKEN) is missing.");
  const dataDir = parseDataDir(options.dataDir);
  nodeFileSystem.makeDirectory(dataDir, { recursive: true, mode: 0o700 });
  return joinFleet({
    coordinatorUrl: parseCoordinatorUrl(options.coordinator ?? loadMembership(dataDir, nodeFileSystem)?.coordinatorUrl),
    token,
    dataDir,
    name: parseName(options.name),
    machineId: ownMachineId(),
    files: nodeFileSystem,
    ...extras,
  });
}

/** An agent that is given a token joins by it, once: what it has joined it stays in. */
export async function joinAtStart(
  options: AgentOptions,
  token: string | null,
  randomBelow: (limit: number) => number,
): Promise<{ joined: Joined | null; membership: Membership | null }> {
  const membership = loadMembership(parseDataDir(options.dataDir), nodeFileSystem);
  if (membership !== null || token === null) return { joined: null, membership };
  const joined = await joinWith(options, token, { force: false, randomBelow });
  return { joined, membership: joined.membership };
}
