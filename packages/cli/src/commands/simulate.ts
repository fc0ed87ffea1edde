import { writeFile } from "node:fs/promises";
import { POLICIES, type PolicyName } from "@drover/coordinator/core/scheduler/policy.ts";
import { measure } from "@drover/coordinator/rehearsal/measure.ts";
import { rehearse } from "@drover/coordinator/rehearsal/rehearse.ts";
import { Option, type Command } from "commander";
import { ExitCode } from "../exit-codes.ts";
import { printJson, type Invocation, type Invoke } from "../invocation.ts";
import { readJobFile } from "../job-file.ts";
import { drawOutcomes } from "../render/simulation-chart.ts";
import { renderOutcomes } from "../render/simulation.ts";
import { describeFleet, readJobs, readNodes, summarize } from "../simulate/descriptions.ts";
import { UsageError } from "../usage-error.ts";

interface SimulateOptions {
  nodes: string[];
  jobs: string;
  fromFleet?: true;
  policy: PolicyName[];
  svg?: string;
}

export function registerSimulate(program: Command, invoke: Invoke): void {
  program
    .command("simulate")
    .description(
      "Say what the scheduler would make of such jobs on such nodes: when what starts, and how full the GPUs are.",
    )
    .option(
      "--nodes <file>",
      "a CSV, or a YAML list: name, site, count, cpus, memory, gpus, gpuModel, gpuMemory (repeatable)",
      collect,
      [],
    )
    .option("--from-fleet", "the nodes of the fleet, and those of --nodes beside them")
    .requiredOption(
      "--jobs <file>",
      "a CSV, or a YAML list: submit, runs, user, name, tasks, cpus, memory, gpus, gpuModel, priority, timeout",
    )
    .addOption(
      new Option(
        "--policy <name>",
        `who comes first: ${Object.keys(POLICIES).join(", ")} (repeatable, to compare)`,
      ).argParser((name: string, earlier: string[] | undefined) => chosen(name, earlier)),
    )
    .option("--svg <file>", "draw GPUs held and tasks waiting over time")
    .action(
      (
        { policy = ["drover"], ...options }: Omit<SimulateOptions, "policy"> & { policy?: PolicyName[] },
        command: Command,
      ) => invoke(command, (invocation) => simulate(invocation, { ...options, policy })),
    );
}

async function simulate(invocation: Invocation, options: SimulateOptions): Promise<number> {
  const { client, shell, asJson } = invocation;
  const fleet = options.fromFleet ? describeFleet((await client.listNodes()).nodes) : [];
  const described = await Promise.all(options.nodes.map(async (file) => readNodes(await readJobFile(file), file)));
  const nodes = [...fleet, ...described.flat()];
  if (nodes.length === 0)
    throw new UsageError("there is no node to run on; describe some with --nodes FILE, or take --from-fleet");
  const jobs = readJobs(await readJobFile(options.jobs), options.jobs);
  const outcomes = options.policy.map((policy) => ({
    policy,
    measures: measure(nodes, rehearse(nodes, jobs, POLICIES[policy])),
  }));
  if (options.svg !== undefined) await writeFile(options.svg, drawOutcomes(outcomes));
  if (asJson) await printJson(invocation, { nodeCount: nodes.length, outcomes });
  else await shell.write(`${summarize(nodes)}; ${jobs.length} jobs\n\n${renderOutcomes(outcomes, shell.columns)}`);
  return ExitCode.ok;
}

function collect(file: string, earlier: string[]): string[] {
  return [...earlier, file];
}

function chosen(name: string, earlier: string[] | undefined): string[] {
  if (!(name in POLICIES)) throw new UsageError(`--policy ${name}: there is ${Object.keys(POLICIES).join(", ")}`);
  return [...(earlier ?? []), name];
}
