/**
 * `npm run power-loss`: one busy run of a real coordinator, and the power cut at 200 moments of it.
 *
 *   npm run power-loss -- --snapshots 1000 --seconds 60 --seed 7
 */
import { rmSync, statSync } from "node:fs";
import { parseArgs } from "node:util";
import { seededRandom } from "../random.ts";
import { busyRun } from "./busy-run.ts";
import { checkSnapshots } from "./check-snapshots.ts";

const { values } = parseArgs({
  options: {
    snapshots: { type: "string", default: "200" },
    seconds: { type: "string", default: "20" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
  },
});
const seed = Number(values.seed);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

say(`seed ${seed}: ${values.seconds} s of load`);
const run = await busyRun(Number(values.seconds) * 1000, seededRandom(seed));
const count = (kind: string): number => run.promises.filter((promise) => promise.kind === kind).length;
say(`${count("submission")} submissions, ${count("cancel")} cancels and ${count("end")} ends were acknowledged`);
say(`journal of ${(statSync(run.journal).size / 1e6).toFixed(0)} MB`);
const startedAt = performance.now();
const report = checkSnapshots(run, Number(values.snapshots), {
  random: seededRandom(seed),
  onSnapshot: (checked) => checked % 20 === 0 && say(`${checked} snapshots`),
});
const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
for (const broken of report.broken.slice(0, 20)) say(broken);
say(
  `${report.snapshots} snapshots in ${seconds} s, ${report.promisesChecked} promises looked up, ${report.broken.length} broken`,
);
// What broke is wanted again.
if (report.broken.length > 0) say(`kept: ${run.folder}`);
else rmSync(run.folder, { recursive: true });
process.exit(report.broken.length > 0 ? 1 : 0);
