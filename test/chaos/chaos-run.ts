import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Random } from "../simulation/world/random.ts";
import { Book } from "./book.ts";
import { collect } from "./collect.ts";
import { defectsIn, keepEvidence } from "./evidence.ts";
import { startChaosFleet, type ChaosFleet } from "./fleet/chaos-fleet.ts";
import { Janitor } from "./machine/janitor.ts";
import { whyNoNamespaces } from "./machine/namespaces.ts";
import { planFaults, reachesLoss } from "./plan/plan.ts";
import { FaultPlayer } from "./play.ts";
import type { ChaosReport } from "./report.ts";
import { comeToRest } from "./rest.ts";
import { judge } from "./verdict.ts";
import { Watcher } from "./watch.ts";
import type { PlannedJob } from "./workload/jobs.ts";
import { Submitters } from "./workload/submitters.ts";
import { prepareWitness, readWitness } from "./workload/witness.ts";

/**
 * From the healing of the last fault until everything has ended: an agent that has just failed to connect waits
 * up to 15 s, a task that ignores SIGTERM is given 10 s, and what waits has to run.
 */
const REST_LIMIT_MS = 120_000;

export interface ChaosOptions {
  seed: number;
  durationMs: number;
  /** Without network namespaces, even where the machine allows them. */
  onLoopback?: boolean;
  /** Logs, witness and database are kept even where nothing was wrong. */
  keepsEvidence?: boolean;
  /** Aborted, the run ends without a verdict, and is cleaned up all the same. */
  interrupted?: AbortSignal;
  /** What happens, as it happens. */
  say: (line: string) => void;
}

/** One run, and where it takes place. */
interface Run extends ChaosOptions {
  id: string;
  folder: string;
  janitor: Janitor;
  /** Aborted when the run is over, however it ends. */
  over: AbortSignal;
  book: Book;
  happenings: string[];
  note: (what: string) => void;
}

/** What was done and seen while the faults went on, and until everything had come to rest. */
interface Lived {
  faults: ReadonlyMap<string, number>;
  looks: number;
  restMs: number;
  submitted: ReadonlyMap<string, PlannedJob>;
  leftoverProcesses: readonly string[];
}

let runCount = 0;

/**
 * From nothing to nothing: whatever happens in between, no process, namespace or mount is left. Rejects with the
 * reason of `interrupted` where that was aborted.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const id = `${process.pid}-${++runCount}`;
  const folder = mkdtempSync(join(tmpdir(), `drover-chaos-${id}-`));
  const janitor = new Janitor(id);
  const over = new AbortController();
  const startedAtMs = performance.now();
  const happenings: string[] = [];
  const note = (what: string): void => {
    happenings.push(`${((performance.now() - startedAtMs) / 1000).toFixed(1).padStart(6)} s  ${what}`);
    options.say(happenings.at(-1) ?? "");
  };
  try {
    janitor.willRun(["rm", "-rf", folder]);
    return await play({ ...options, id, folder, janitor, over: over.signal, book: new Book(), happenings, note });
  } finally {
    // First: what the janitor ends must not be started again.
    over.abort();
    await janitor.clean();
  }
}

async function play(run: Run): Promise<ChaosReport> {
  const { seed, durationMs, book, folder, note } = run;
  let endsOnFullDisk = 0;
  const whyNot = run.onLoopback ? "as asked" : await whyNoNamespaces(run.id, run.janitor);
  const fleet = await startChaosFleet({
    run: run.id,
    folder,
    janitor: run.janitor,
    over: run.over,
    network: whyNot === null ? "namespaces" : "loopback",
    onUnexpectedEnd(daemon, how, diskWasFull) {
      note(`${daemon} ended by itself: ${how}`);
      if (diskWasFull) endsOnFullDisk++;
      else book.violations.push(`${daemon} ended by itself: ${how}`);
    },
  });
  const description = `${fleet.description}${whyNot === null ? "" : `; no network namespaces (${whyNot})`}`;
  note(`the fleet is up: ${description}`);

  const witnessFolder = join(folder, "witness");
  const lived = await live(run, fleet, { witnessFolder, witnessProgram: await prepareWitness(witnessFolder) });
  const witness = readWitness(witnessFolder);
  const log = readFileSync(fleet.logFileOf("coordinator"), "utf8").split("\n");
  book.violations.push(...defectsIn(log));
  const { record, tasks } = await collect({ fleet, book, witness, ...lived });
  await fleet.stop();
  const violations = judge(record);
  return {
    seed,
    description,
    minutes: durationMs / 60_000,
    faults: lived.faults,
    endsOnFullDisk,
    nodesGivenUp: log.filter((line) => line.includes('"event":"node.lost"')).length,
    looks: lived.looks,
    restMs: lived.restMs,
    jobs: {
      known: record.jobs.length,
      acknowledged: record.acknowledgements.length,
      forgotten: book.forgottenJobCount,
      canceled: book.canceledJobs.length,
    },
    tasks,
    executions: witness.executions.length,
    forgottenExecutions: record.startedAttemptIds.filter((attemptId) => !record.knownAttemptIds.has(attemptId)).length,
    contentions: record.contentions.length,
    violations,
    evidence: violations.length > 0 || run.keepsEvidence ? keepEvidence(folder, seed, run.happenings) : null,
  };
}

/** Users work and faults happen, side by side; then all is healed, and everything has its time to end. */
async function live(
  { id, seed, durationMs, folder, book, note, interrupted = new AbortController().signal }: Run,
  fleet: ChaosFleet,
  place: { witnessFolder: string; witnessProgram: string },
): Promise<Lived> {
  const end = new AbortController();
  const giveUp = new AbortController();
  const watched = new AbortController();
  const random = new Random(seed);
  const watcher = new Watcher(fleet.client, book);
  const submitters = new Submitters({
    client: fleet.client,
    book,
    random: random.fork(),
    place: { run: id, reachesLoss: reachesLoss(durationMs), ...place },
    liveJobCount: () => watcher.liveJobCount,
    until: end.signal,
    giveUp: giveUp.signal,
  });
  const player = new FaultPlayer({ run: id, folder, fleet, book, until: end.signal, note });
  try {
    const watching = watcher.watch(watched.signal);
    const working = submitters.work();
    const playing = player.play(planFaults(random.fork(), durationMs));
    await Promise.race([delay(durationMs, undefined, { signal: interrupted }), failureOf(playing, working)]);
    end.abort();
    await playing;
    note("all faults are healed");
    const healedAtMs = performance.now();
    const limit = setTimeout(() => giveUp.abort(), REST_LIMIT_MS);
    await working;
    clearTimeout(limit);
    const leftoverProcesses = await comeToRest(fleet, id, healedAtMs + REST_LIMIT_MS - performance.now());
    const restMs = performance.now() - healedAtMs;
    note("everything is at rest, or had its time");
    watched.abort();
    await watching;
    return { faults: player.counts, looks: watcher.lookCount, restMs, submitted: submitters.jobs, leftoverProcesses };
  } finally {
    for (const controller of [end, giveUp, watched]) controller.abort();
  }
}

/** Never resolves; rejects as soon as one of them does. */
function failureOf(...under: Promise<unknown>[]): Promise<never> {
  return new Promise((_, reject) => {
    for (const each of under) each.catch(reject);
  });
}
