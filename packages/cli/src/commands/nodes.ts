import type { Command } from "commander";
import { ExitCode } from "../exit-codes.ts";
import { printJson, tell, type Invocation, type Invoke } from "../invocation.ts";
import { renderPending } from "../render/enrolment.ts";
import { renderNodes } from "../render/node.ts";
import { renderFrozen } from "../render/site.ts";

export function registerNodes(program: Command, invoke: Invoke): void {
  program
    .command("nodes")
    .description("List the machines of the fleet, and what of each is held.")
    .option("--pending", "those instead that wait to be let in, unused join tokens, and who tried to join and failed")
    .action(({ pending }: { pending?: true }, command: Command) => invoke(command, pending ? listPending : listNodes));
}

async function listPending(invocation: Invocation): Promise<number> {
  const { client, shell, asJson } = invocation;
  const pending = await client.listPending();
  const text = renderPending(pending, { nowMs: shell.clock.nowMs(), width: shell.columns });
  if (asJson) await printJson(invocation, pending);
  else if (text === "") await tell(shell, "nobody waits, no join token is unused, and nobody tried to join and failed");
  else await shell.write(text);
  return ExitCode.ok;
}

async function listNodes(invocation: Invocation): Promise<number> {
  const { client, shell, asJson } = invocation;
  const list = await client.listNodes();
  if (asJson) await printJson(invocation, list);
  else if (list.nodes.length === 0)
    await shell.writeError("No node has joined yet; drover invite prints the line that lets a machine join\n");
  else {
    const view = { nowMs: shell.clock.nowMs(), width: shell.columns };
    await shell.write(`${renderNodes(list.nodes, view)}${renderFrozen(await client.listSites(), view)}`);
  }
  return ExitCode.ok;
}
