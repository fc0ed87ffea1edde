import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { Simulation } from "./simulation.ts";

const SEEDS = 2_000;
const run = promisify(execFile);

async function traceOf(seed: number): Promise<{ sha256: string; lines: number }> {
  const hash = createHash("sha256");
  let lines = 0;
  await new Simulation(seed, {
    nodes: 4,
    tasks: 60,
    onLine(line) {
      lines++;
      hash.update(`${line}\n`);
    },
  }).run();
  return { sha256: hash.digest("hex"), lines };
}

describe("the simulator", () => {
  test("gives the same trace for the same seed, byte for byte", async () => {
    const first = await traceOf(4711);
    expect(first.lines).toBeGreaterThan(100);
    expect(await traceOf(4711)).toEqual(first);
    expect(await traceOf(4712)).not.toEqual(first);
  });

  test(`finds no broken invariant in ${SEEDS} seeds that nobody has seen before`, async () => {
    const { stdout } = await run(process.execPath, [join(import.meta.dirname, "run.ts"), "--seeds", String(SEEDS)], {
      maxBuffer: 64 * 1024 * 1024,
    }).catch((error: { stdout: string; message: string }) => ({ stdout: `${error.message}\n${error.stdout}` }));
    process.stdout.write(stdout);
    expect(stdout).toContain(`${SEEDS} seeds, 0 failed`);
  }, 400_000);
});
