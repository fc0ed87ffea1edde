import type { Command } from "commander";
import { ExitCode } from "../exit-codes.ts";
import { printJson, type Invocation, type Invoke } from "../invocation.ts";
import { printable } from "../render/printable.ts";

export function registerGpu(program: Command, invoke: Invoke): void {
  const gpu = program.command("gpu").description("Say what is to become of one GPU.").helpCommand(false);
  gpu
    .command("release")
    .description(
      "Give back a GPU that is in quarantine, though memory of it is still taken by what a task left behind.",
    )
    .argument("<node>", "the node's name, or its id")
    .argument("<gpu>", "the GPU's index on that node, or its id")
    .action((node: string, gpu: string, _options: object, command: Command) =>
      invoke(command, (invocation) => release(invocation, node, gpu)),
    );
}

async function release(invocation: Invocation, idOrName: string, gpu: string): Promise<number> {
  const { client, shell, asJson } = invocation;
  const node = await client.releaseGpu(idOrName, gpu);
  if (asJson) await printJson(invocation, node);
  else await shell.write(`${printable(`gpu ${gpu} of ${node.name} is released`)}\n`);
  return ExitCode.ok;
}
