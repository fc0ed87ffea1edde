import { randomInt } from "node:crypto";
import { resolve } from "node:path";
import { diagnosisLines, isUnhealthy } from "@drover/shared/domain/diagnosis.ts";
import { DroverError, errorLine, isDroverError } from "@drover/shared/errors.ts";
import { DROVER_VERSION } from "@drover/shared/version.ts";
import { openServiceManager, type ServiceManager } from "@drover/shared/service-manager.ts";
import { Command, Option } from "commander";
import { startAgent } from "./agent.ts";
import {
  coordinatorHost,
  parseConfig,
  parseForeignGpuUse,
  parseModels,
  parseTools,
  lookWords,
  parseBurnTest,
  type AgentConfig,
  type AgentOptions,
} from "./config.ts";
import { joinAtStart, readJoinToken, registerJoin } from "./join-command.ts";
import { linkStateOf, describeLinkStatus, writeLinkStatus, type LinkStatus } from "./link-status.ts";
import { dialWebSocket } from "./link/socket.ts";
import { createLog, type Log } from "./log.ts";
import { authoritiesOf } from "./membership/trusted-authorities.ts";
import { diagnose } from "./probe/diagnose.ts";
import { probeHardware } from "./probe/probe.ts";
import { linuxMachine } from "./machine/linux-machine.ts";
import { nodeFileSystem } from "./machine/file-system.ts";
import { NodeModels } from "./models/node-models.ts";
import { machineClock } from "./machine/machine-clock.ts";
import { registerStatus } from "./status-command.ts";
import { takeOutcome } from "./upgrade/guard.ts";
import { runUpgrade } from "./upgrade/run-upgrade.ts";
import { registerUpgrade } from "./upgrade/upgrade-commands.ts";

const RANDOM_STEPS = 2 ** 32;

const program = new Command("drover-agent")
  .description("Runs on each machine: reports its hardware to the coordinator and runs its attempts.")
  .version(DROVER_VERSION)
  .addOption(new Option("--coordinator <url>", "where the coordinator listens").env("DROVER_COORDINATOR"))
  .addOption(new Option("--data-dir <dir>", "what the agent keeps: its id, its attempts").env("DROVER_AGENT_DATA_DIR"))
  .addOption(
    new Option("--name <name>", "what people call this node; the host's name where not given").env("DROVER_AGENT_NAME"),
  )
  .addOption(new Option("--nvidia-smi <path>", "NVIDIA's tool").env("DROVER_NVIDIA_SMI"))
  .addOption(new Option("--amd-smi <path>", "AMD's tool").env("DROVER_AMD_SMI"))
  .addOption(new Option("--rocm-smi <path>", "AMD's older tool").env("DROVER_ROCM_SMI"))
  .addOption(new Option("--xpu-smi <path>", "Intel's tool").env("DROVER_XPU_SMI"))
  .addOption(
    new Option("--foreign-gpu-use <policy>", "a GPU that a process not of ours uses: leave-out, share or ignore").env(
      "DROVER_FOREIGN_GPU_USE",
    ),
  )
  .addOption(
    new Option("--burn-test <path>", "a program that loads one GPU: called with its id and for how many seconds").env(
      "DROVER_BURN_TEST",
    ),
  )
  .addOption(
    new Option(
      "--job-user <name>",
      "as whom tasks run, where the agent is root: drover-job if nobody is named, and root only if it is",
    ).env("DROVER_JOB_USER"),
  )
  .addOption(
    new Option("--site <site>", "which nodes it reaches cheaply, such as a LAN or a data centre").env("DROVER_SITE"),
  )
  .addOption(
    new Option("--model-dir <dir>", "where models are kept; in the data directory where not given").env(
      "DROVER_MODEL_DIR",
    ),
  )
  .addOption(
    new Option("--model-cache-max <size>", 'what models may take in all, such as "500GiB"').env(
      "DROVER_MODEL_CACHE_MAX",
    ),
  )
  .addOption(
    new Option("--model-cache-keep-free <size>", 'what models leave free of their disk (else "2GiB")').env(
      "DROVER_MODEL_CACHE_KEEP_FREE",
    ),
  )
  .option("--cpus <n>", "offer this many CPUs instead of all")
  .option("--memory <size>", 'offer this much memory instead of all, such as "48GiB"')
  .option("--log <format>", "json or pretty")
  .addOption(new Option("--log-level <level>", "debug, info, warn or error").env("DROVER_LOG_LEVEL"))
  .action((options: AgentOptions) => runAgent(options));

program
  .command("probe")
  .description("print this machine's hardware as JSON")
  .option("--measure-disks", "also measure how fast the data directory's disk is, if that is not known yet")
  .action(async ({ measureDisks }: { measureDisks?: true }) => {
    const { readFullHardware } = await import("./probe/full-hardware.ts");
    const options: AgentOptions = program.opts();
    const hardware = await readFullHardware({
      tools: parseTools(options),
      dataDir: options.dataDir === undefined ? null : resolve(options.dataDir),
      towards: coordinatorHost(options.coordinator),
      clock: machineClock,
      mayMeasureDisks: measureDisks === true,
    });
    // A tool or a volume that hangs must not keep what is known, nor this process.
    process.stdout.write(`${JSON.stringify(hardware)}\n`, () => process.exit());
  });

program
  .command("doctor")
  .description("look at everything on this machine; say what is wrong and what to do about it")
  .option("--burn", "also load each GPU that nobody uses for ten seconds, by the program of --burn-test")
  .option("--held <ids>", "GPUs that are not to be loaded, with commas between them", "")
  .option("--json", "for machines")
  .action(async ({ burn, held, json }: { burn?: true; held: string; json?: true }) => {
    const { examine } = await import("./doctor.ts");
    const options: AgentOptions = program.opts();
    const burnTest = burn === true ? parseBurnTest(options) : null;
    if (burn === true && burnTest === null)
      throw new DroverError(
        "config.invalid",
        "--burn needs --burn-test (or DROVER_BURN_TEST), a program that loads a GPU.",
      );
    const diagnosis = await examine({
      tools: parseTools(options),
      dataDir: resolve(options.dataDir ?? "/"),
      towards: coordinatorHost(options.coordinator),
      foreignGpuUse: parseForeignGpuUse(options.foreignGpuUse),
      clock: machineClock,
      burnTest,
      heldGpuIds: held.split(",").filter((id) => id !== ""),
    });
    const text = json === true ? JSON.stringify(diagnosis) : diagnosisLines(diagnosis).join("\n");
    process.stdout.write(`${text}\n`, () => process.exit(isUnhealthy(diagnosis) ? 1 : 0));
  });

registerStatus(program);
registerJoin(program, randomInt);
registerUpgrade(program);

async function runAgent(options: AgentOptions): Promise<void> {
  const token = readJoinToken(process.env["DROVER_JOIN_TOKEN"], process.env["DROVER_JOIN_TOKEN_FILE"]);
  const { joined, membership } = await joinAtStart(options, token, randomInt);
  const users = { uid: process.getuid?.() ?? -1, readText: nodeFileSystem.readText };
  const config = parseConfig(options, process.env, users, membership);
  const models = parseModels(options, config.dataDir);
  // A log that cannot be written (a full disk, a reader that is gone) must not end the agent, and with it the lease.
  process.stdout.on("error", () => {});
  const write = createLog({
    format: config.logFormat,
    level: config.logLevel,
    write: (line) => process.stdout.write(line),
  });
  const serviceManager = openServiceManager({
    environment: process.env,
    pid: process.pid,
    clock: machineClock,
    onProblem: (reason) => write("agent.notifyFailed", { reason }),
  });
  const log = tellLinkToo(write, config, serviceManager);
  if (joined) log("agent.joined", { nodeId: joined.nodeId, isPending: joined.isPending });
  // In processes of their own: what they need leaves our memory again, and a tool that hangs cannot hang us.
  const ourselves: [string, ...string[]] = [
    process.execPath,
    ...process.execArgv,
    process.argv[1] ?? "",
    ...lookWords(config),
  ];
  const agent = await startAgent(config, {
    machine: linuxMachine({
      dataDir: config.dataDir,
      supervisorProgram: config.supervisorProgram,
      tools: config.tools,
      probeHardware: ({ isFirst }) =>
        probeHardware([...ourselves, "probe", ...(isFirst ? [] : ["--measure-disks"])], machineClock),
      diagnose: ({ burn, heldGpuIds }) => {
        const words = [...(burn ? ["--burn"] : []), "--held", heldGpuIds.join(","), "--json"];
        return diagnose([...ourselves, "doctor", ...words], machineClock);
      },
      upgrade: (version, sha256) =>
        runUpgrade([...ourselves, "upgrade", "--to", version, "--sha256", sha256], machineClock),
    }),
    random: () => randomInt(RANDOM_STEPS) / RANDOM_STEPS,
    randomBelow: (limit) => randomInt(limit),
    dial: dialWebSocket(authoritiesOf(membership?.trust ?? { type: "system" })),
    log,
    onReplaced: () => stop(),
    // A copy: each look into process.env itself goes through the C library.
    environment: { ...process.env },
    openModels: ({ send, log }) =>
      NodeModels.open({ root: models.root, limits: models, clock: machineClock, log, send }),
  });
  serviceManager.ready();
  const outcome = takeOutcome(config.dataDir);
  if (outcome?.reason) log("agent.upgradeTakenBack", outcome);
  function stop(): void {
    serviceManager.stopping();
    void agent.stop();
  }
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
}

/** What the log says of the connection, the service manager and `drover-agent status` say too. */
function tellLinkToo(write: Log, config: AgentConfig, serviceManager: ServiceManager): Log {
  function tell(state: Pick<LinkStatus, "link" | "reason">): void {
    const { name, coordinatorUrl: coordinator, dataDir } = config;
    const known = { pid: process.pid, name, coordinator, agentVersion: DROVER_VERSION, sinceMs: machineClock.nowMs() };
    const status = { ...known, ...state };
    serviceManager.say(describeLinkStatus(status));
    try {
      writeLinkStatus(dataDir, status);
    } catch (error) {
      // A full disk: whoever asks here is told something old, and nothing else depends on it.
      write("agent.watchTrouble", { reason: String(error) });
    }
  }
  return (line, fields) => {
    write(line, fields);
    const state =
      line === "agent.started" ? ({ link: "connecting", reason: null } as const) : linkStateOf(line, fields);
    if (state !== null) tell(state);
  };
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
