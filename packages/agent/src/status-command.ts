import { parseDurationMs } from "@drover/shared/units.ts";
import { DroverError } from "@drover/shared/errors.ts";
import type { Command } from "commander";
import { describeLinkStatus, waitUntilOnline } from "./link-status.ts";
import { machineClock } from "./machine/machine-clock.ts";

/** `drover-agent status`: for install.sh, and for a person who sits at the machine. */
export function registerStatus(program: Command): void {
  program
    .command("status")
    .description("say whether the agent that runs here is online; exit code 0 where it is")
    .option("--wait <duration>", "give it so long to come online", "0s")
    .option("--json", "for machines")
    .action(async ({ wait, json }: { wait: string; json?: true }) => {
      const timeoutMs = wait === "0s" ? 0 : parseDurationMs(wait);
      const { dataDir } = program.opts<{ dataDir?: string }>();
      if (timeoutMs === null) throw new DroverError("config.invalid", `--wait "${wait}" is no duration such as 30s.`);
      if (dataDir === undefined)
        throw new DroverError("config.invalid", "--data-dir (or DROVER_AGENT_DATA_DIR) is missing.");
      const status = await waitUntilOnline(dataDir, timeoutMs, machineClock);
      const text = status === null ? `no agent runs on ${dataDir}` : describeLinkStatus(status);
      process.stdout.write(`${json === true ? JSON.stringify(status) : text}\n`);
      process.exitCode = status?.link === "online" ? 0 : 1;
    });
}
