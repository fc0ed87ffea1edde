import type { Command } from "commander";
import { ExitCode } from "../exit-codes.ts";
import { printJson, type Invocation, type Invoke } from "../invocation.ts";
import { renderNode } from "../render/node.ts";

export function registerNode(program: Command, invoke: Invoke): void {
  const node = program
    .command("node")
    .description("Show a machine: its hardware, its load, what runs there; or say what is to become of it.")
    .helpCommand(false)
    .argument("<name-or-id>", "the node's name, or its id")
    .action((idOrName: string, _options: object, command: Command) =>
      invoke(command, (invocation) => showNode(invocation, idOrName)),
    );
  node
    .command("accept-hardware")
    .description("Say that what a machine shows now is all that it has: nothing is missing any more.")
    .argument("<name-or-id>", "the node's name, or its id")
    .action((idOrName: string, _options: object, command: Command) =>
      invoke(command, (invocation) => acceptHardware(invocation, idOrName)),
    );
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
