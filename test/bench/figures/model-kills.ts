import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BYTES_PER_MIB } from "@drover/shared/units.ts";
import { startNode, stop } from "../../support/processes.ts";
import type { Figure, Measurement } from "../figure.ts";
import type { Workshop } from "../fleet.ts";
import { makeFile, sha256Of, withModelSource, type Pulled } from "../model-source.ts";
import { runLoad } from "../run-load.ts";

const KILLED_BYTES = 256 * BYTES_PER_MIB;
const KILLS = 100;

/** What a pull costs whose agent is killed in the middle of it. */
export const modelKills: Figure = {
  name: "model-kills",
  measure: (workshop) =>
    withModelSource(workshop, async ({ folder, endpoint }) => [await killed(workshop, folder, endpoint)]),
};

/** Of a process that is killed at any moment, what is there is whole and right after the next; counted is what the source sent. */
async function killed(workshop: Workshop, folder: string, endpoint: string): Promise<Measurement> {
  const file = await makeFile(folder, "killed.bin", KILLED_BYTES);
  const expected = file.hash.split(":")[1] ?? "";
  const sent = async () => Number(await (await fetch(`${endpoint}/sent`)).text());
  const shares: number[] = [];
  let wrong = 0;
  for (let round = 0; round < KILLS; round++) {
    const root = workshop.newFolder("model-cache");
    const before = await sent();
    const child = startNode([
      new URL("../load/pull-model.ts", import.meta.url).pathname,
      JSON.stringify({ root, endpoint, files: [file] }),
    ]);
    // Until something has come; then at any moment of what the rest takes.
    while (child.exitCode === null && (await sent()) === before) await sleep(5);
    await sleep((round / KILLS) * 600);
    await stop(child, "SIGKILL");
    await runLoad<Pulled>("pull-model.ts", { root, endpoint, files: [file] });
    shares.push(((await sent()) - before) / KILLED_BYTES - 1);
    const blob = join(root, "hub/models--bench--model/blobs", expected);
    if ((await sha256Of(blob)) !== expected) wrong++;
    rmSync(root, { recursive: true });
  }
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  const most = Math.max(...shares);
  return {
    figure: `killed at ${KILLS} moments of a pull of ${KILLED_BYTES / BYTES_PER_MIB} MiB: wrong at the end; sent again`,
    measured: `${wrong}; ${(mean * 100).toFixed(1)} % in the mean, ${(most * 100).toFixed(1)} % at most`,
    target: "0; 5 %",
    met: wrong === 0 && most <= 0.05,
    details: { wrong, mean, most },
  };
}
