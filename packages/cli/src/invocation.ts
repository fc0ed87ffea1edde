import type { DroverClient } from "@drover/shared/client/client.ts";
import type { Command } from "commander";
import { printable } from "./render/printable.ts";
import type { Shell } from "./shell.ts";

/** One call of a command, with the options that every command has already read. */
export interface Invocation {
  client: DroverClient;
  shell: Shell;
  /** Stdout is for a machine: nothing but JSON goes there. */
  asJson: boolean;
}

/** How a command is carried out once commander has read its line; resolves to nothing, the exit code is kept. */
export type Invoke = (command: Command, carryOut: (invocation: Invocation) => Promise<number>) => Promise<void>;

/** One JSON document, indented: what a command answers that is not a stream. */
export async function printJson({ shell }: Invocation, value: unknown): Promise<void> {
  await shell.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** One line for people, on stderr, where it never mixes with what a job wrote. */
export async function tell(shell: Shell, sentence: string): Promise<void> {
  await shell.writeError(`drover: ${printable(sentence)}\n`);
}
