import { ROLES, type Role } from "@drover/shared/domain/role.ts";
import { Option, type Command } from "commander";
import { ExitCode } from "../exit-codes.ts";
import { printJson, tell, type Invocation, type Invoke } from "../invocation.ts";
import { renderTokens } from "../render/access.ts";

export function registerToken(program: Command, invoke: Invoke): void {
  const token = program
    .command("token")
    .description("Say who may use the fleet, and as what. For admins.")
    .helpCommand(false);
  token
    .command("create")
    .description("Make a token, and print it: this once, only its hash is kept.")
    .argument("<name>", "who will hold it, or what it is for, such as anna or ci.nightly")
    .addOption(new Option("--role <role>", "what it may do; see docs/access.md").choices(ROLES).makeOptionMandatory())
    .action((name: string, { role }: { role: Role }, command: Command) =>
      invoke(command, (invocation) => createToken(invocation, name, role)),
    );
  token
    .command("list")
    .description("List the tokens, the revoked ones too.")
    .action((_options: object, command: Command) => invoke(command, listTokens));
  token
    .command("revoke")
    .description("End a token's validity at once.")
    .argument("<name>", "the token's name, never the token itself")
    .action((name: string, _options: object, command: Command) =>
      invoke(command, (invocation) => revokeToken(invocation, name)),
    );
}

async function createToken(invocation: Invocation, name: string, role: Role): Promise<number> {
  const { client, shell, asJson } = invocation;
  const created = await client.createToken({ name, role });
  if (asJson) await printJson(invocation, created);
  else {
    // Alone on stdout, so that it can go into a file that nobody else reads.
    await shell.write(`${created.token}\n`);
    await tell(shell, `the token of ${name}, with the role ${role}, is shown this once; to use it: DROVER_TOKEN`);
  }
  return ExitCode.ok;
}

async function listTokens(invocation: Invocation): Promise<number> {
  const { client, shell, asJson } = invocation;
  const list = await client.listTokens();
  const view = { nowMs: shell.clock.nowMs(), width: shell.columns };
  if (asJson) await printJson(invocation, list);
  else if (list.tokens.length === 0) await tell(shell, "there is no token; make one with drover token create");
  else await shell.write(renderTokens(list.tokens, view));
  return ExitCode.ok;
}

async function revokeToken(invocation: Invocation, name: string): Promise<number> {
  const { client, shell, asJson } = invocation;
  const revoked = await client.revokeToken(name);
  if (asJson) await printJson(invocation, revoked);
  else await shell.write(`the token of ${revoked.name} is revoked\n`);
  return ExitCode.ok;
}
