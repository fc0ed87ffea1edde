import { startNode } from "../support/processes.ts";

/** Runs one of the programs in load/ to its end and returns the JSON that it printed. */
export async function runLoad<T>(file: string, options: object): Promise<T> {
  const child = startNode([new URL(`load/${file}`, import.meta.url).pathname, JSON.stringify(options)]);
  const chunks: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  const exitCode = await new Promise((resolve) => child.once("close", resolve));
  if (exitCode !== 0) throw new Error(`load/${file} ended with exit code ${String(exitCode)}`);
  return JSON.parse(Buffer.concat(chunks).toString()) as T;
}
