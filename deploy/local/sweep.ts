import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { StoredEvent } from "@drover/shared/api/events.ts";
import { Job } from "@drover/shared/api/jobs.ts";
import { DEFAULT_COORDINATOR_URL, type DroverClient } from "@drover/shared/client/client.ts";
import { CannotStart } from "./cannot-start.ts";
import type { EventReader } from "./event-reader.ts";
import { CHECKOUT, TOKEN_FILE } from "./places.ts";

const SWEEP = join(CHECKOUT, "examples", "digits-sweep");
const SHOWN_OUTPUT_LINES = 4;

export interface SweepRun {
  client: DroverClient;
  coordinatorUrl: string;
  events: EventReader;
  print: (line?: string) => void;
}

/** Submits the array and the job that compares its results, shows both; resolves to whether they succeeded. */
export async function runSweep(run: SweepRun): Promise<boolean> {
  const { client, coordinatorUrl, print } = run;
  const array = await submit("sweep.yaml", coordinatorUrl);
  print(
    `Job ${array.id} ${array.name}: ${array.taskCount} tasks queued, each trains a digit classifier with other hyper-parameters`,
  );
  const best = await submit("best.yaml", coordinatorUrl, array.id);
  print(`Job ${best.id} ${best.name}: comes after job ${array.id}, and compares its results`);
  if ((await endOfJob(run, array.id)) !== "succeeded") return false;

  const lastTask = array.taskCount - 1;
  print();
  print(`The end of what task ${array.id}.${lastTask} wrote:`);
  const lines = (await readText(client, array.id, lastTask)).trimEnd().split("\n");
  for (const line of lines.slice(-SHOWN_OUTPUT_LINES)) print(`  ${line}`);

  print();
  print(`Job ${best.id}, which waited for all of them:`);
  const bestState = await endOfJob(run, best.id);
  print();
  print("Its result:");
  for (const line of (await readText(client, best.id, 0)).trimEnd().split("\n")) print(line === "" ? "" : `  ${line}`);
  return bestState === "succeeded";
}

/** Shows a job's tasks moving through their states; resolves to the state the job ended in. */
async function endOfJob({ events, print }: SweepRun, jobId: number): Promise<unknown> {
  const isOfJob = (event: StoredEvent): boolean => event["jobId"] === jobId;
  const show = (event: StoredEvent): void => {
    const text = isOfJob(event) ? describe(event) : null;
    if (text !== null) print(`  ${text}`);
  };
  const end = await events.until((event) => event.event === "job.ended" && isOfJob(event), show);
  return end["state"];
}

function describe(event: StoredEvent): string | null {
  const task = `task ${String(event["jobId"])}.${String(event["taskIndex"])}`;
  switch (event.event) {
    case "attempt.assigned":
      return `${task}  assigned to ${String(event["nodeName"])}`;
    case "attempt.started":
      return `${task}  running`;
    case "task.requeued":
      return `${task}  queued again: ${String(event["cause"])}`;
    case "task.ended":
      return `${task}  ${String(event["state"])}`;
    case "job.ended":
      return `job ${String(event["jobId"])}  ${String(event["state"])}`;
    default:
      return null;
  }
}

/** Submits a file as anybody would, with `drover submit`; where a job is named, to run when that one has succeeded. */
async function submit(file: string, coordinatorUrl: string, afterJobId: number | null = null): Promise<Job> {
  let yaml = readFileSync(join(SWEEP, file), "utf8");
  const replacements = {
    "@CHECKOUT@/.drover/coordinator/local-token": TOKEN_FILE,
    "@CHECKOUT@": CHECKOUT,
    [DEFAULT_COORDINATOR_URL]: coordinatorUrl,
    "@JOB_ID@": String(afterJobId),
  };
  // Inside of a quoted YAML string, which is escaped like JSON's.
  for (const [mark, text] of Object.entries(replacements))
    yaml = yaml.replaceAll(mark, () => JSON.stringify(text).slice(1, -1));

  const drover = join(CHECKOUT, "packages", "cli", "bin", "drover.mjs");
  const after = afterJobId === null ? [] : ["--after", String(afterJobId)];
  const words = ["submit", "--json", "--coordinator", coordinatorUrl, ...after, "-"];
  const child = spawn(process.execPath, [drover, ...words], {
    // Whatever token the environment holds is for another fleet.
    env: { ...process.env, DROVER_TOKEN: undefined, DROVER_TOKEN_FILE: TOKEN_FILE },
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.end(yaml);
  let answer = "";
  for await (const chunk of child.stdout) answer += String(chunk);
  if (answer === "") throw new CannotStart(`${file} was not accepted`);
  return Job.parse(JSON.parse(answer));
}

async function readText(client: DroverClient, jobId: number, task: number): Promise<string> {
  const { bytes } = await client.readOutput(jobId, { task });
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(piece);
  return Buffer.concat(pieces).toString("utf8");
}
