import type { NodeAdminRequest } from "@drover/shared/api/nodes.ts";
import type { Command } from "commander";
import { ExitCode } from "../exit-codes.ts";
import { printJson, type Invocation, type Invoke } from "../invocation.ts";
import { renderAdmin, renderNode } from "../render/node.ts";
import { UsageError } from "../usage-error.ts";
import { parseDuration } from "./arguments.ts";

export function registerNode(program: Command, invoke: Invoke): void {
  const node = program
    .command("node")
    .description("Show a machine: its hardware, its load, what runs there; or say what is to become of it.")
    .helpCommand(false)
    .argument("<name-or-id>", NAME_OR_ID)
    .allowExcessArguments()
    .action((idOrName: string, _options: object, command: Command) => {
      if (command.args.length > 1) throw new UsageError(noSuchWord(idOrName, node.commands));
      return invoke(command, (invocation) => showNode(invocation, idOrName));
    });
  node
    .command("accept-hardware")
    .description("Say that what a machine shows now is all that it has: nothing is missing any more.")
    .argument("<name-or-id>", NAME_OR_ID)
    .action((idOrName: string, _options: object, command: Command) =>
      invoke(command, (invocation) => acceptHardware(invocation, idOrName)),
    );
  node
    .command("cordon")
    .description("Give a machine nothing new; what runs there goes on.")
    .argument("<name-or-id>", NAME_OR_ID)
    .option("--reason <text>", REASON)
    .action((idOrName: string, { reason }: Word, command: Command) =>
      invoke(command, (invocation) => setAdmin(invocation, idOrName, { admin: "cordoned", reason })),
    );
  node
    .command("drain")
    .description("Give a machine nothing new, and let what runs there come to its end: then it is drained.")
    .argument("<name-or-id>", NAME_OR_ID)
    .option("--reason <text>", REASON)
    .option("--deadline <duration>", "stop what still runs after so long, and queue it again", parseDuration)
    .action((idOrName: string, { reason, deadline }: Word, command: Command) =>
      invoke(command, (invocation) => setAdmin(invocation, idOrName, { admin: "draining", reason, deadline })),
    );
  node
    .command("uncordon")
    .description("Give a machine new work again, whether it was cordoned, is draining or drained.")
    .argument("<name-or-id>", NAME_OR_ID)
    .option("--reason <text>", REASON)
    .action((idOrName: string, { reason }: Word, command: Command) =>
      invoke(command, (invocation) => setAdmin(invocation, idOrName, { admin: "schedulable", reason })),
    );
  node
    .command("gone")
    .description("Say that a machine will not come back: what ran there goes to others as soon as that is safe.")
    .argument("<name-or-id>", NAME_OR_ID)
    .action((idOrName: string, _options: object, command: Command) =>
      invoke(command, (invocation) => declareGone(invocation, idOrName)),
    );
  node
    .command("approve")
    .description("Let a machine in that has joined and waits: see drover nodes --pending.")
    .argument("<name-or-id>", NAME_OR_ID)
    .action((idOrName: string, _options: object, command: Command) =>
      invoke(command, (invocation) => approve(invocation, idOrName)),
    );
  node
    .command("remove")
    .description(
      "Put a machine out of the fleet: its key is worth nothing from now on. Drain it first to let its work end.",
    )
    .argument("<name-or-id>", NAME_OR_ID)
    .action((idOrName: string, _options: object, command: Command) =>
      invoke(command, (invocation) => remove(invocation, idOrName)),
    );
}

/** `drover node cordn box-3`: taken for a node's name, it would only be one word too many. */
function noSuchWord(word: string, commands: readonly Command[]): string {
  const names = commands.map((command) => command.name());
  return `there is no "drover node ${word} …"; there is drover node ${names.join(", ")}`;
}

const NAME_OR_ID = "the node's name, or its id";
const REASON = "why; shown to those who meet the node like this";

interface Word {
  reason?: string;
  deadline?: number;
}

async function acceptHardware(invocation: Invocation, idOrName: string): Promise<number> {
  const { client, shell, asJson } = invocation;
  const node = await client.acceptHardware(idOrName);
  if (asJson) await printJson(invocation, node);
  else await shell.write(renderNode(node, { nowMs: shell.clock.nowMs(), width: shell.columns }));
  return ExitCode.ok;
}

async function showNode(invocation: Invocation, idOrName: string): Promise<number> {
  const { client, shell, asJson } = invocation;
  const node = await client.getNode(idOrName);
  if (asJson) await printJson(invocation, node);
  else await shell.write(renderNode(node, { nowMs: shell.clock.nowMs(), width: shell.columns }));
  return ExitCode.ok;
}

async function setAdmin(invocation: Invocation, idOrName: string, request: NodeAdminRequest): Promise<number> {
  const { client, shell, asJson } = invocation;
  const node = await client.setNodeAdmin(idOrName, request);
  if (asJson) await printJson(invocation, node);
  else await shell.write(renderAdmin(node, shell.clock.nowMs()));
  return ExitCode.ok;
}

async function declareGone(invocation: Invocation, idOrName: string): Promise<number> {
  const { client, shell, asJson } = invocation;
  const node = await client.declareNodeGone(idOrName);
  const then =
    node.link === "lost"
      ? "nothing that ran there is waited for"
      : "what ran there is given away when its lease has run out";
  if (asJson) await printJson(invocation, node);
  else await shell.write(`node ${node.name} is declared gone; ${then}\n`);
  return ExitCode.ok;
}

async function approve(invocation: Invocation, idOrName: string): Promise<number> {
  const enrolment = await invocation.client.approveNode(idOrName);
  if (invocation.asJson) await printJson(invocation, enrolment);
  else await invocation.shell.write(`node ${enrolment.name} is let in\n`);
  return ExitCode.ok;
}

async function remove(invocation: Invocation, idOrName: string): Promise<number> {
  const enrolment = await invocation.client.removeNode(idOrName);
  const then = "what ran there is given away when its lease has run out";
  if (invocation.asJson) await printJson(invocation, enrolment);
  else await invocation.shell.write(`node ${enrolment.name} is removed; ${then}\n`);
  return ExitCode.ok;
}
