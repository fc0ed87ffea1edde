import type { Node } from "@drover/shared/api/nodes.ts";
import { isDroverError } from "@drover/shared/errors.ts";
import { InvalidArgumentError, type Command } from "commander";
import { ExitCode } from "../exit-codes.ts";
import { printJson, tell, type Invocation, type Invoke } from "../invocation.ts";

/** An agent goes back by itself after a minute; then it needs some time to be online again. */
const BACK_TIMEOUT_MS = 120_000;
const LOOK_EVERY_MS = 500;

interface Options {
  to: string;
  maxUnavailable: Share;
}

/** Of the nodes that are to be upgraded. */
export type Share = { percent: number } | { count: number };

export function registerUpgrade(program: Command, invoke: Invoke): void {
  program
    .command("upgrade")
    .description(
      "Make the agents of the fleet another version, some at a time; jobs go on. Stops at the first failure.",
    )
    .argument("[nodes...]", "only these; else all that are online")
    .requiredOption("--to <version>", "a version of which the coordinator has a release")
    .option("--max-unavailable <n>", "how many at a time, as a number or a share", parseShare, { percent: 10 })
    .action((names: string[], options: Options, command: Command) =>
      invoke(command, (invocation) => upgradeFleet(invocation, names, options)),
    );
}

export function parseShare(text: string): Share {
  const [, digits, isPercent] = /^(\d+)(%?)$/.exec(text) ?? [];
  const number = Number(digits);
  if (digits === undefined || number === 0 || (isPercent && number > 100))
    throw new InvalidArgumentError("write a number of nodes, such as 3, or a share of them, such as 10%");
  return isPercent ? { percent: number } : { count: number };
}

/** At least one, or nothing would ever be done. */
export function countOf(share: Share, total: number): number {
  return "count" in share ? share.count : Math.max(1, Math.floor((total * share.percent) / 100));
}

type Outcome = "upgraded" | "failed" | "skipped";

async function upgradeFleet(invocation: Invocation, names: string[], { to, maxUnavailable }: Options): Promise<number> {
  const { client } = invocation;
  const nodes = names.length > 0 ? await Promise.all(names.map((name) => client.getNode(name))) : await online(client);
  const waiting = nodes.filter(({ agentVersion }) => agentVersion !== to);
  const outcomes: Record<string, Outcome> = {};
  let hasFailed = false;
  async function work(): Promise<void> {
    while (!hasFailed) {
      const node = waiting.shift();
      if (node === undefined) return;
      const problem = await upgradeNode(invocation, node, to);
      outcomes[node.name] = problem === null ? "upgraded" : "failed";
      hasFailed ||= problem !== null;
      await tell(invocation.shell, `${node.name}: ${problem ?? `is ${to}`}`);
    }
  }
  const total = waiting.length;
  await Promise.all(Array.from({ length: Math.min(total, countOf(maxUnavailable, total)) }, work));
  for (const node of waiting) outcomes[node.name] = "skipped";
  const count = (wanted: Outcome) => Object.values(outcomes).filter((outcome) => outcome === wanted).length;
  if (invocation.asJson) await printJson(invocation, { version: to, nodes: outcomes });
  else
    await invocation.shell.write(
      `${count("upgraded")} upgraded to ${to}, ${nodes.length - total} were already, ${count("failed")} failed, ${count("skipped")} left as they are\n`,
    );
  return hasFailed ? ExitCode.jobFailed : ExitCode.ok;
}

async function online(client: Invocation["client"]): Promise<Node[]> {
  const { nodes } = await client.listNodes();
  return nodes.filter(({ link }) => link === "online");
}

/** `null`: it is online with that version; otherwise why not. */
async function upgradeNode(
  { client, shell }: Invocation,
  { id, agentVersion }: Node,
  to: string,
): Promise<string | null> {
  let asked: Node;
  try {
    asked = await client.upgradeNode(id, to);
  } catch (error) {
    if (isDroverError(error)) return error.message;
    throw error;
  }
  const endMs = shell.clock.monotonicMs() + BACK_TIMEOUT_MS;
  while (shell.clock.monotonicMs() < endMs) {
    const now = await client.getNode(id);
    if (now.link === "online" && now.agentVersion === to) return null;
    // Online as it was before, after it was gone: it went back by itself.
    if (now.link === "online" && now.agentVersion === agentVersion && now.linkSince !== asked.linkSince)
      return `did not come online with ${to}, and is ${agentVersion} again; its agent's log says what was seen`;
    await new Promise<void>((resolve) => void shell.clock.callAfter(LOOK_EVERY_MS, resolve));
  }
  return `is not back ${BACK_TIMEOUT_MS / 1000} s after it began to restart`;
}
