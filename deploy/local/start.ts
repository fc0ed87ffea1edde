/**
 * `npm start`: a whole fleet on this machine. Starts a coordinator and one agent on loopback, runs the
 * sample sweep (examples/digits-sweep), shows it happen, and stays up until Ctrl-C.
 *
 *   npm start                     goes on with the data of the last time
 *   npm start -- --fresh          begins empty
 *   npm start -- --port 7071      where the coordinator listens, else 7070
 *   npm start -- --exit           ends after the sample; exit code 1 if it did not succeed
 */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createClient, type DroverClient } from "@drover/shared/client/client.ts";
import { startDaemon, type Daemon } from "./daemon.ts";
import { EventReader } from "./event-reader.ts";
import { checkNothingRuns, checkPortIsFree, stopLeftoverAttempts } from "./preconditions.ts";
import { describeNode } from "./describe-node.ts";
import { CHECKOUT, DATA, NODE_NAME, TOKEN_FILE } from "./places.ts";
import { runSweep } from "./sweep.ts";
import { CannotStart } from "./cannot-start.ts";

const DEFAULT_PORT = 7070;
const READY_POLL_MS = 50;

const print = (line = ""): void => void process.stdout.write(`${line}\n`);

interface Options {
  port: number;
  isFresh: boolean;
  exitsAfterSample: boolean;
}

function readOptions(): Options {
  const { values } = parseOptions();
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new CannotStart(`--port ${values.port} is no port; write a number up to 65535`);
  return { port, isFresh: values.fresh === true, exitsAfterSample: values.exit === true };
}

function parseOptions() {
  try {
    return parseArgs({
      options: {
        port: { type: "string", default: String(DEFAULT_PORT) },
        fresh: { type: "boolean" },
        exit: { type: "boolean" },
      },
    });
  } catch {
    throw new CannotStart(
      "npm start takes --fresh (begin empty), --port PORT and --exit (end after the sample), after a --",
    );
  }
}

/** Starts everything, and resolves to whether the sample succeeded. `daemons` gets what has to be stopped again. */
async function startAndRunSample({ port, isFresh }: Options, daemons: Daemon[], signal: AbortSignal): Promise<boolean> {
  checkNothingRuns();
  await checkPortIsFree(port);
  if (isFresh) await emptyData();
  mkdirSync(DATA.logs, { recursive: true });

  const url = `http://127.0.0.1:${port}`;
  const client = localClient(port);
  const coordinator = startDaemon("coordinator", [
    "--listen",
    `127.0.0.1:${port}`,
    "--data-dir",
    DATA.coordinator,
    "--local-token",
    TOKEN_FILE,
    "--log",
    "json",
  ]);
  daemons.push(coordinator);
  await coordinator.orDeath(untilReady(url, signal));
  print(`Coordinator  ${url}`);
  print(`             data in ${shown(DATA.coordinator)}, log in ${shown(coordinator.logFile)}`);
  await printMemory(client);

  const events = await EventReader.fromNow(client, signal);
  // Who starts it as root tries it as root: what runs is what they submit themselves, on loopback.
  const asWhom = process.getuid?.() === 0 ? ["--job-user", "root"] : [];
  const agent = startDaemon("agent", ["--coordinator", url, "--data-dir", DATA.agent, "--name", NODE_NAME, ...asWhom]);
  daemons.push(agent);
  const isOurNodeOnline = (event: { event: string; nodeName?: unknown }): boolean =>
    event.event === "node.online" && event.nodeName === NODE_NAME;
  await anyDeath(daemons, events.until(isOurNodeOnline));
  const { nodes } = await client.listNodes();
  const node = nodes.find(({ name, link }) => name === NODE_NAME && link === "online");
  if (node) print(describeNode(node));
  print();
  return anyDeath(daemons, runSweep({ client, coordinatorUrl: url, events, print }));
}

async function emptyData(): Promise<void> {
  const stopped = await stopLeftoverAttempts();
  if (stopped > 0)
    print(`Stopped ${stopped === 1 ? "1 task" : `${stopped} tasks`} that still ran from earlier starts.`);
  for (const folder of Object.values(DATA)) rmSync(folder, { recursive: true, force: true });
}

/** `work`, unless a daemon ends first: then its end is the failure. */
function anyDeath<T>(daemons: readonly Daemon[], work: Promise<T>): Promise<T> {
  return daemons.reduce((guarded, daemon) => daemon.orDeath(guarded), work);
}

async function untilReady(url: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    // Refused until it listens, 503 until its state is loaded.
    const isReady = await fetch(`${url}/readyz`, { signal }).then(
      (response) => response.ok,
      () => false,
    );
    if (isReady) return;
    await delay(READY_POLL_MS, undefined, { signal });
  }
}

async function printMemory(client: DroverClient): Promise<void> {
  const { jobs } = await client.listJobs({ limit: 1 });
  // Ids count up from 1 and no job is ever forgotten.
  const latest = jobs[0]?.id;
  if (latest !== undefined)
    print(`             remembers ${latest} ${latest === 1 ? "job" : "jobs"} of earlier starts`);
}

function printWhatNext({ port }: Options): void {
  const drover = port === DEFAULT_PORT ? "npx drover" : `DROVER_COORDINATOR=http://127.0.0.1:${port} npx drover`;
  print();
  print("The fleet stays up. In another terminal, in this directory, try:");
  print(`  ${drover} run -c 1 -- sh -c 'echo hello from $DROVER_NODE_NAME'`);
  print(`  ${drover} jobs`);
  print(`  ${drover} tail --since 0`);
  print("Ctrl-C stops it.");
}

/** The agent first: what it still has to say reaches the coordinator. */
async function stopDaemons(daemons: readonly Daemon[], { port }: Options): Promise<void> {
  if (daemons.length === 0) return;
  const running = await countAttempts(localClient(port));
  for (const daemon of daemons.toReversed()) await daemon.stop();
  if (running > 0) {
    const tasks = running === 1 ? "1 task goes" : `${running} tasks go`;
    print(`${tasks} on running: jobs outlive their agent. The next npm start finds them again.`);
  }
  print("Stopped.");
}

async function countAttempts(client: DroverClient): Promise<number> {
  try {
    const { nodes } = await client.listNodes();
    return nodes.reduce((sum, node) => sum + node.attemptCount, 0);
  } catch {
    return 0; // There is no coordinator that could say.
  }
}

function localClient(port: number): DroverClient {
  return createClient(`http://127.0.0.1:${port}`, { token: () => readFileSync(TOKEN_FILE, "utf8").trim() });
}

function shown(path: string): string {
  return relative(CHECKOUT, path);
}

/** Aborts at the first request to end; a second is ignored, because npm and the terminal both send one. */
function endRequested(): AbortSignal {
  const ending = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => ending.abort());
  return ending.signal;
}

async function main(): Promise<number> {
  const daemons: Daemon[] = [];
  let options: Options | null = null;
  const signal = endRequested();
  const ended = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  let exitCode = 0;
  try {
    options = readOptions();
    const sample = startAndRunSample(options, daemons, signal);
    const succeeded = await Promise.race([sample, ended]);
    if (succeeded === false) exitCode = 1;
    if (!signal.aborted && !options.exitsAfterSample) {
      printWhatNext(options);
      await anyDeath(daemons, ended);
    }
    sample.catch(() => {}); // Cut short by Ctrl-C, it fails as it must.
  } catch (error) {
    if (!(error instanceof CannotStart) && !signal.aborted) throw error;
    if (!signal.aborted) process.stderr.write(`drover: ${(error as Error).message}\n`);
    exitCode = signal.aborted ? 0 : 1;
  } finally {
    if (options) await stopDaemons(daemons, options);
  }
  return exitCode;
}

process.exitCode = await main();
