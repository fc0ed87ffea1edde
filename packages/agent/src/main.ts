import { randomInt } from "node:crypto";
import { errorLine, isDroverError } from "@drover/shared/errors.ts";
import { DROVER_VERSION } from "@drover/shared/version.ts";
import { Command, Option } from "commander";
import { startAgent } from "./agent.ts";
import { parseConfig, type AgentOptions } from "./config.ts";
import { dialWebSocket } from "./link/socket.ts";
import { createLog } from "./log.ts";
import { probeHardware } from "./probe/probe.ts";
import { linuxMachine } from "./machine/linux-machine.ts";

const RANDOM_STEPS = 2 ** 32;

const program = new Command("drover-agent")
  .description("Runs on each machine: reports its hardware to the coordinator and runs its attempts.")
  .version(DROVER_VERSION)
  .addOption(new Option("--coordinator <url>", "where the coordinator listens").env("DROVER_COORDINATOR"))
  .addOption(new Option("--data-dir <dir>", "what the agent keeps: its id, its attempts").env("DROVER_AGENT_DATA_DIR"))
  .addOption(
    new Option("--name <name>", "what people call this node; the host's name where not given").env("DROVER_AGENT_NAME"),
  )
  .addOption(
    new Option("--site <site>", "which nodes it reaches cheaply, such as a LAN or a data centre").env("DROVER_SITE"),
  )
  .option("--cpus <n>", "offer this many CPUs instead of all")
  .option("--memory <size>", 'offer this much memory instead of all, such as "48GiB"')
  .option("--log <format>", "json or pretty")
  .addOption(new Option("--log-level <level>", "debug, info, warn or error").env("DROVER_LOG_LEVEL"))
  .action((options: AgentOptions) => runAgent(options));

program
  .command("probe")
  .description("print this machine's hardware as JSON")
  .action(async () => {
    const { readFullHardware } = await import("./probe/full-hardware.ts");
    process.stdout.write(`${JSON.stringify(await readFullHardware())}\n`);
  });

async function runAgent(options: AgentOptions): Promise<void> {
  const config = parseConfig(options, process.env);
  // A log that cannot be written (a full disk, a reader that is gone) must not end the agent, and with it the lease.
  process.stdout.on("error", () => {});
  const log = createLog({
    format: config.logFormat,
    level: config.logLevel,
    write: (line) => process.stdout.write(line),
  });
  const agent = await startAgent(config, {
    machine: linuxMachine({
      dataDir: config.dataDir,
      supervisorProgram: config.supervisorProgram,
      probeHardware: () => probeHardware([process.execPath, ...process.execArgv, process.argv[1] ?? "", "probe"]),
    }),
    random: () => randomInt(RANDOM_STEPS) / RANDOM_STEPS,
    randomBelow: (limit) => randomInt(limit),
    dial: dialWebSocket,
    log,
    // A copy: each look into process.env itself goes through the C library.
    environment: { ...process.env },
  });
  const stop = () => void agent.stop();
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
}

/** The program: runs until SIGTERM or SIGINT. What an operator can mend is one line and exit code 1. */
export async function main(): Promise<void> {
  try {
    await program.parseAsync();
  } catch (error) {
    if (!isDroverError(error)) throw error;
    process.stderr.write(`drover-agent: ${errorLine(error)}\n`);
    // Not process.exit(): what is written must get out first, and what is open (the probe) was to end anyway.
    process.exitCode = 1;
  }
}
