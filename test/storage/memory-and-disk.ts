import { spawnSync } from "node:child_process";
import { expect } from "vitest";
import type { CoordinatorProcess } from "./coordinator-process.ts";

const COUNT = `
const { DatabaseSync } = require("node:sqlite");
const database = new DatabaseSync(process.argv[1], { readOnly: true });
const count = (what) => database.prepare("select count(*) as count from " + what).get().count;
const counts = { queued: count("tasks where state = 'queued'"), attempts: count("attempts where state <> 'ended'") };
process.stdout.write(JSON.stringify(counts));
`;

/** What the coordinator holds in memory, of which it makes its metrics, is what another process finds on the disk. */
export async function expectMemoryEqualsDisk(
  { url, token }: Pick<CoordinatorProcess, "url" | "token">,
  database: string,
  within: readonly string[] = [],
): Promise<void> {
  const metrics = await (await fetch(`${url}/metrics`, { headers: token.headers() })).text();
  const inMemory = (name: string): number =>
    [...metrics.matchAll(new RegExp(`^${name}\\{.*\\} (\\d+)$`, "gm"))].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    );
  const command = [process.execPath, "-e", COUNT, database];
  const [program = "", ...args] = within.length > 0 ? [...within, ...command] : command;
  const { stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
  expect(stdout, stderr).not.toBe("");
  const held = { queued: inMemory("drover_tasks_waiting"), attempts: inMemory("drover_attempts_live") };
  expect(held).toEqual(JSON.parse(stdout));
}
