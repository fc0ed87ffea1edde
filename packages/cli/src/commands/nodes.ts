import type { Command } from "commander";
import { ExitCode } from "../exit-codes.ts";
import { printJson, type Invocation, type Invoke } from "../invocation.ts";
import { renderNodes } from "../render/node.ts";
import { renderFrozen } from "../render/site.ts";

export function registerNodes(program: Command, invoke: Invoke): void {
  program
    .command("nodes")
    .description("List the machines of the fleet, and what of each is held.")
    .action((_options: object, command: Command) => invoke(command, listNodes));
}

async function listNodes(invocation: Invocation): Promise<number> {
  const { client, shell, asJson } = invocation;
  const list = await client.listNodes();
  if (asJson) await printJson(invocation, list);
  else if (list.nodes.length === 0)
    await shell.writeError("No node has joined yet; start an agent: drover-agent --coordinator URL --data-dir DIR\n");
  else {
    const view = { nowMs: shell.clock.nowMs(), width: shell.columns };
    await shell.write(`${renderNodes(list.nodes, view)}${renderFrozen(await client.listSites(), view)}`);
  }
  return ExitCode.ok;
}
