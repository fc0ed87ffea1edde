import type { AuditQuery } from "@drover/shared/api/access.ts";
import type { Command } from "commander";
import { ExitCode } from "../exit-codes.ts";
import { printJson, tell, type Invocation, type Invoke } from "../invocation.ts";
import { renderAudit } from "../render/access.ts";
import { parsePositive } from "./arguments.ts";

const DEFAULT_LIMIT = 50;
/** Of one answer. */
const MAX_LIMIT = 500;

interface AuditOptions {
  actor?: string;
  action?: string;
  denied?: true;
  limit: number;
}

export function registerAudit(program: Command, invoke: Invoke): void {
  program
    .command("audit")
    .description("List who did what, to which thing, from where, and what was denied; newest first. For admins.")
    .option("--actor <name>", "only what this token did")
    .option("--action <action>", "only this, such as job.cancel")
    .option("--denied", "only what was denied")
    .option("--limit <count>", "how many", parsePositive, DEFAULT_LIMIT)
    .action((options: AuditOptions, command: Command) =>
      invoke(command, (invocation) => listAudit(invocation, options)),
    );
}

async function listAudit(invocation: Invocation, { actor, action, denied, limit }: AuditOptions): Promise<number> {
  const { client, shell, asJson } = invocation;
  const query: Partial<AuditQuery> = { limit: Math.min(limit, MAX_LIMIT) };
  if (actor !== undefined) query.actor = actor;
  if (action !== undefined) query.action = action;
  if (denied) query.verdict = "denied";
  const list = await client.readAudit(query);
  const view = { nowMs: shell.clock.nowMs(), width: shell.columns };
  if (asJson) await printJson(invocation, list);
  else if (list.entries.length === 0) await tell(shell, "nothing of that kind happened");
  else {
    await shell.write(renderAudit(list.entries, view));
    if (list.nextBefore !== null && limit < MAX_LIMIT)
      await shell.writeError(`There are more: --limit ${limit * 2}.\n`);
  }
  return ExitCode.ok;
}
