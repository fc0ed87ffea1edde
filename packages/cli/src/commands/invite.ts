import type { CreatedInvite, InviteRequest } from "@drover/shared/api/enrolment.ts";
import type { Command } from "commander";
import { ExitCode } from "../exit-codes.ts";
import { printJson, tell, type Invocation, type Invoke } from "../invocation.ts";
import { renderInvites } from "../render/enrolment.ts";
import { collectPair, parseDuration, parsePositive } from "./arguments.ts";

interface InviteOptions {
  site?: string;
  labels?: Record<string, string>;
  name?: string;
  uses?: number;
  expires?: number;
  approve?: true;
}

export function registerInvite(program: Command, invoke: Invoke): void {
  const invite = program
    .command("invite")
    .description("Make a join token, and print the line that lets a machine join with it. For admins.")
    .helpCommand(false)
    .option("--site <site>", "the site that the machines are of")
    .option("--labels <key=value,…>", "labels that they get; may be given more than once", collectPairs)
    .option("--name <pattern>", "the names that they may have, such as gpu-*")
    .option("--uses <n>", "how many machines may join by it; one where it is not said", parsePositive)
    .option("--expires <duration>", "how long it is good for; 24h where it is not said", parseDuration)
    .option("--approve", "let each of them wait until an operator says `drover node approve`")
    .action((options: InviteOptions, command: Command) =>
      invoke(command, (invocation) => createInvite(invocation, options)),
    );
  invite
    .command("list")
    .description("List the join tokens, those too that are no longer good.")
    .action((_options: object, command: Command) => invoke(command, listInvites));
  invite
    .command("revoke")
    .description("End a join token's validity at once; who has joined by it stays.")
    .argument("<id>", "its id, as `drover invite list` shows it; never the token itself")
    .action((id: string, _options: object, command: Command) =>
      invoke(command, (invocation) => revokeInvite(invocation, id)),
    );
}

/** `team=vision,rack=3`. */
function collectPairs(text: string, pairs: Record<string, string> = {}): Record<string, string> {
  return text.split(",").reduce((collected, pair) => collectPair(pair, collected), pairs);
}

async function createInvite(invocation: Invocation, options: InviteOptions): Promise<number> {
  const { client, shell, asJson } = invocation;
  const { name, approve, ...rest } = options;
  const request: InviteRequest = { ...rest, ...(name !== undefined && { namePattern: name }), needsApproval: approve };
  const created = await client.createInvite(request);
  if (asJson) await printJson(invocation, created);
  else {
    await shell.write(`${created.token}\n${installLine(created)}\n`);
    const machines = created.uses === 1 ? "one machine" : `${created.uses} machines`;
    await tell(
      shell,
      `shown this once; ${machines} can join until ${created.expiresAt}: run the second line there, as root`,
    );
  }
  return ExitCode.ok;
}

/**
 * With the coordinator's own certificate curl knows its key and needs nobody to vouch for it; -k without the pin
 * would take whatever somebody in between hands out. The token is in the environment, because sudo writes its command
 * line into the machine's log.
 */
function installLine({ coordinatorUrl, publicKeyPin, token }: CreatedInvite): string {
  const curl = publicKeyPin === null ? "curl -fsS" : `curl -fsSk --pinnedpubkey 'sha256//${publicKeyPin}'`;
  return `${curl} ${coordinatorUrl}/install.sh | DROVER_JOIN_TOKEN=${token} sudo --preserve-env=DROVER_JOIN_TOKEN sh`;
}

async function listInvites(invocation: Invocation): Promise<number> {
  const { client, shell, asJson } = invocation;
  const list = await client.listInvites();
  const view = { nowMs: shell.clock.nowMs(), width: shell.columns };
  if (asJson) await printJson(invocation, list);
  else if (list.invites.length === 0) await tell(shell, "there is no join token; make one with drover invite");
  else await shell.write(renderInvites(list.invites, view));
  return ExitCode.ok;
}

async function revokeInvite(invocation: Invocation, id: string): Promise<number> {
  const { client, shell, asJson } = invocation;
  const revoked = await client.revokeInvite(id);
  if (asJson) await printJson(invocation, revoked);
  else await shell.write(`the join token ${revoked.id} is revoked; ${revoked.usedCount} joined by it, and stay\n`);
  return ExitCode.ok;
}
