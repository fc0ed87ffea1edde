import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { BYTES_PER_GIB, BYTES_PER_MIB } from "@drover/shared/units.ts";
import type { ModelFile } from "@drover/shared/domain/model.ts";
import type { Figure, Measurement } from "../figure.ts";
import type { Workshop } from "../fleet.ts";
import { makeFile, withModelSource, type Pulled } from "../model-source.ts";
import { runLoad } from "../run-load.ts";

const LARGE_BYTES = 4 * BYTES_PER_GIB;
const SMALL_FILES = 200;
const SMALL_BYTES = BYTES_PER_MIB;

/** What a model costs that comes over HTTP: one large file, and many that are there already. */
export const modelPull: Figure = {
  name: "models",
  measure: (workshop) =>
    withModelSource(workshop, async ({ folder, endpoint }) => [
      ...(await largeFile(workshop, folder, endpoint)),
      await alreadyThere(workshop, folder, endpoint),
    ]),
};

async function largeFile(workshop: Workshop, folder: string, endpoint: string): Promise<Measurement[]> {
  const file = await makeFile(folder, "large.bin", LARGE_BYTES);
  const target = join(workshop.newFolder("model-curl"), "large.bin");
  const url = `${endpoint}/bench/model/resolve/${"a".repeat(40)}/large.bin`;
  const curlMs = timed(() => execFileSync("curl", ["-s", "-o", target, url]));
  const syncMs = timed(() => execFileSync("sync", [target]));
  const sumMs = timed(() => execFileSync("sha256sum", [target]));
  rmSync(target);
  const root = workshop.newFolder("model-cache");
  const { elapsedMs, peakRssBytes } = await runLoad<Pulled>("pull-model.ts", { root, endpoint, files: [file] });
  rmSync(root, { recursive: true });
  rmSync(join(folder, "large.bin"));
  const details = { curlMs, syncMs, sumMs, elapsedMs, peakRssBytes };
  const againstBoth = (curlMs + sumMs) / elapsedMs;
  return [
    {
      figure: "4 GiB over HTTP, verified and synced, against curl and then sha256sum",
      measured: `${againstBoth.toFixed(2)} x (${(elapsedMs / 1000).toFixed(1)} s; curl ${(curlMs / 1000).toFixed(1)} s, sync ${(syncMs / 1000).toFixed(1)} s, sha256sum ${(sumMs / 1000).toFixed(1)} s)`,
      target: "1.5 x",
      met: againstBoth >= 1.5,
      details,
    },
    {
      figure: "memory of the process that pulls 4 streams, at most",
      measured: `${(peakRssBytes / BYTES_PER_MIB).toFixed(0)} MiB`,
      target: "150 MiB",
      met: peakRssBytes <= 150 * BYTES_PER_MIB,
      details,
    },
  ];
}

async function alreadyThere(workshop: Workshop, folder: string, endpoint: string): Promise<Measurement> {
  const files: ModelFile[] = [];
  for (let index = 0; index < SMALL_FILES; index++)
    files.push(await makeFile(folder, `small-${index}.bin`, SMALL_BYTES));
  const root = workshop.newFolder("model-cache");
  const first = await runLoad<Pulled>("pull-model.ts", { root, endpoint, files });
  const second = await runLoad<Pulled>("pull-model.ts", { root, endpoint, files });
  return {
    figure: `${SMALL_FILES} files that are there already and verified`,
    measured: `${second.elapsedMs.toFixed(0)} ms (brought in ${first.elapsedMs.toFixed(0)} ms)`,
    target: "200 ms",
    met: second.elapsedMs <= 200,
    details: { firstMs: first.elapsedMs, secondMs: second.elapsedMs },
  };
}

function timed(work: () => void): number {
  const started = performance.now();
  work();
  return performance.now() - started;
}
