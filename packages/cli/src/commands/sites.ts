import { UNNAMED_SITE } from "@drover/shared/api/sites.ts";
import type { Command } from "commander";
import { ExitCode } from "../exit-codes.ts";
import { printJson, type Invocation, type Invoke } from "../invocation.ts";
import { renderFrozen, renderSites, siteName } from "../render/site.ts";

export function registerSites(program: Command, invoke: Invoke): void {
  program
    .command("sites")
    .description("List the sites of the fleet, and which of them are frozen because too many nodes fell silent.")
    .action((_options: object, command: Command) => invoke(command, listSites));
}

export function registerSite(program: Command, invoke: Invoke): void {
  program
    .command("site")
    .description("Say what is to become of a site.")
    .helpCommand(false)
    .command("gone")
    .description("Say that no machine of a site will come back: what ran there goes to others as soon as that is safe.")
    .argument("<site>", `the site's name; ${UNNAMED_SITE} means the nodes that name none`)
    .action((site: string, _options: object, command: Command) =>
      invoke(command, (invocation) => declareGone(invocation, site)),
    );
}

async function listSites(invocation: Invocation): Promise<number> {
  const { client, shell, asJson } = invocation;
  const list = await client.listSites();
  const view = { nowMs: shell.clock.nowMs(), width: shell.columns };
  if (asJson) await printJson(invocation, list);
  else await shell.write(`${renderSites(list, view)}${renderFrozen(list, view)}`);
  return ExitCode.ok;
}

async function declareGone(invocation: Invocation, name: string): Promise<number> {
  const { client, shell, asJson } = invocation;
  const site = await client.declareSiteGone(name === UNNAMED_SITE ? null : name);
  if (asJson) await printJson(invocation, site);
  else await shell.write(`${siteName(site)} is declared gone, with ${site.nodes} nodes; see drover nodes\n`);
  return ExitCode.ok;
}
