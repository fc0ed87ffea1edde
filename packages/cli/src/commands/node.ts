import type { Command } from "commander";
import { ExitCode } from "../exit-codes.ts";
import { printJson, type Invocation, type Invoke } from "../invocation.ts";
import { renderNode } from "../render/node.ts";

export function registerNode(program: Command, invoke: Invoke): void {
  const node = program
    .command("node")
    .description("Show a machine: its hardware, its load, what runs there; or say what is to become of it.")
    .helpCommand(false)
    .argument("<name-or-id>", NAME_OR_ID)
    .action((idOrName: string, _options: object, command: Command) =>
      invoke(command, (invocation) => showNode(invocation, idOrName)),
    );
  node
    .command("gone")
    .description("Say that a machine will not come back: what ran there goes to others as soon as that is safe.")
    .argument("<name-or-id>", NAME_OR_ID)
    .action((idOrName: string, _options: object, command: Command) =>
      invoke(command, (invocation) => declareGone(invocation, idOrName)),
    );
}

const NAME_OR_ID = "the node's name, or its id";

async function showNode(invocation: Invocation, idOrName: string): Promise<number> {
  const { client, shell, asJson } = invocation;
  const node = await client.getNode(idOrName);
  if (asJson) await printJson(invocation, node);
  else await shell.write(renderNode(node, { nowMs: shell.clock.nowMs(), width: shell.columns }));
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
