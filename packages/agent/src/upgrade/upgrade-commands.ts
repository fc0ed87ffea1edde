import { spawn } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { arch, platform, tmpdir } from "node:os";
import { join } from "node:path";
import { DroverError } from "@drover/shared/errors.ts";
import { parseDurationMs } from "@drover/shared/units.ts";
import { Option, type Command } from "commander";
import { nodeFileSystem } from "../machine/file-system.ts";
import { machineClock } from "../machine/machine-clock.ts";
import { loadMembership } from "../membership/membership.ts";
import { authoritiesOf } from "../membership/trusted-authorities.ts";
import { fetchArchive } from "./fetch-archive.ts";
import { guardUpgrade } from "./guard.ts";
import { installVersion, switchTo } from "./install-version.ts";
import { installationOf, targetOf, type Installation } from "./installation.ts";

interface CommonOptions {
  coordinator?: string;
  dataDir?: string;
}

/** What a running agent starts to become another version; whoever sits at the machine may type it too. */
export function registerUpgrade(program: Command): void {
  program
    .command("upgrade")
    .description("fetch another version from the coordinator and make it the one that is started next")
    .requiredOption("--to <version>", "the version")
    .requiredOption("--sha256 <hex>", "of its archive for this machine")
    .action(async ({ to, sha256 }: { to: string; sha256: string }) => {
      const options: CommonOptions = program.opts();
      await upgrade(requireInstallation(), requireDataDir(options), options.coordinator, { to, sha256 });
    });
  program
    .command("guard-upgrade", { hidden: true })
    .requiredOption("--to <version>")
    .addOption(
      new Option("--patience <duration>", "how long it may take to come online")
        .env("DROVER_UPGRADE_PATIENCE")
        .default("1m"),
    )
    .action(async ({ to, patience }: { to: string; patience: string }) => {
      const { prefix, version: from } = requireInstallation();
      const dataDir = requireDataDir(program.opts());
      const timeoutMs = parseDurationMs(patience);
      if (timeoutMs === null) throw new DroverError("config.invalid", `--patience "${patience}" is no duration.`);
      await guardUpgrade({ prefix, dataDir, from, to, timeoutMs }, machineClock);
    });
}

async function upgrade(
  { prefix, version: from }: Installation,
  dataDir: string,
  coordinator: string | undefined,
  { to, sha256 }: { to: string; sha256: string },
): Promise<void> {
  if (to === from) throw new DroverError("upgrade.failed", `This is ${to} already.`);
  const membership = loadMembership(dataDir, nodeFileSystem);
  const address = coordinator ?? membership?.coordinatorUrl;
  if (address === undefined)
    throw new DroverError("config.invalid", "--coordinator (or DROVER_COORDINATOR) is missing.");
  const work = mkdtempSync(join(tmpdir(), "drover-upgrade-"));
  try {
    const name = `drover-${to}-${targetOf(platform(), arch())}.tar.gz`;
    const path = join(work, name);
    const authorities = authoritiesOf(membership?.trust ?? { type: "system" });
    await fetchArchive(new URL(`/artifacts/${name}`, address), { path, sha256, authorities });
    await installVersion(prefix, to, path, sha256);
  } catch (cause) {
    throw new DroverError("upgrade.failed", `${to} could not be installed: ${(cause as Error).message}.`, { cause });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  // It must outlive both agents, and before there is anything to watch it must be there.
  const words = [process.argv[1] ?? "", "--data-dir", dataDir, "guard-upgrade", "--to", to];
  spawn(process.execPath, words, { detached: true, stdio: "ignore" }).unref();
  switchTo(prefix, to);
}

function requireInstallation(): Installation {
  const installation = installationOf(realpathSync(process.argv[1] ?? ""));
  if (installation === null)
    throw new DroverError(
      "upgrade.failed",
      "This agent was not installed by install.sh, and is not replaced by itself.",
    );
  return installation;
}

function requireDataDir({ dataDir }: CommonOptions): string {
  if (dataDir === undefined)
    throw new DroverError("config.invalid", "--data-dir (or DROVER_AGENT_DATA_DIR) is missing.");
  return dataDir;
}
