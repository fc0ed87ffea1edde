import type { Model, ModelAddRequest, ModelDetail, ModelPlaceRequest } from "@drover/shared/api/models.ts";
import type { Command } from "commander";
import { ExitCode } from "../exit-codes.ts";
import { printJson, type Invocation, type Invoke } from "../invocation.ts";
import { renderModel, renderModels, renderPlacements } from "../render/model.ts";
import { printable } from "../render/printable.ts";
import { UsageError } from "../usage-error.ts";
import { collectName, parsePositive } from "./arguments.ts";

export function registerModels(program: Command, invoke: Invoke): void {
  program
    .command("models")
    .description("List the models: what each was resolved to, and how large it is.")
    .action((_options: object, command: Command) => invoke(command, listModels));
}

interface AddOptions {
  include?: string[];
  exclude?: string[];
}

interface PlaceOptions {
  on: string;
  copies?: number;
  pin?: true;
}

export function registerModel(program: Command, invoke: Invoke): void {
  const model = program
    .command("model")
    .description("Show a model with its files; or say what is to become of it.")
    .helpCommand(false)
    .argument("<name>", NAME)
    .allowExcessArguments()
    .action((name: string, _options: object, command: Command) => {
      if (command.args.length > 1) throw new UsageError(noSuchWord(name, model.commands));
      return invoke(command, (invocation) => showModel(invocation, name));
    });
  model
    .command("add")
    .description(
      "Find out what a reference means now (a commit, each file's size and hash), and keep that under a name.",
    )
    .argument("<name>", "what to call it, such as llama3.1-8b")
    .argument("<reference>", "where it is: hf://ORG/NAME, or hf://ORG/NAME@REVISION")
    .option("--include <pattern>", "only files like this, such as *.safetensors; may be repeated", collectName)
    .option("--exclude <pattern>", "no file like this, such as *.bin; may be repeated", collectName)
    .action((name: string, reference: string, { include, exclude }: AddOptions, command: Command) =>
      invoke(command, (invocation) =>
        addModel(invocation, { name, reference, ...(include && { include }), ...(exclude && { exclude }) }),
      ),
    );
  model
    .command("place")
    .description("Say on which machines a model is to be: they bring it, and bring it again when they lose it.")
    .argument("<name>", NAME)
    .requiredOption("--on <nodes>", ON)
    .option("--copies <count>", "on how many of them (else 1): those that have it first", parsePositive)
    .option("--pin", "it stays there when nobody uses it and something else needs the room")
    .action((name: string, { on, copies, pin }: PlaceOptions, command: Command) =>
      invoke(command, (invocation) =>
        placeModel(invocation, name, { on, ...(copies && { copies }), ...(pin && { pin }) }),
      ),
    );
  model
    .command("unplace")
    .description("Remove a model from machines; refused where a task uses it.")
    .argument("<name>", NAME)
    .requiredOption("--on <nodes>", ON)
    .action((name: string, { on }: PlaceOptions, command: Command) =>
      invoke(command, (invocation) => unplaceModel(invocation, name, on)),
    );
  model
    .command("remove")
    .description("Forget a model.")
    .argument("<name>", NAME)
    .action((name: string, _options: object, command: Command) =>
      invoke(command, (invocation) => removeModel(invocation, name)),
    );
}

const NAME = "the model's name";
const ON = "a machine's name, or conditions such as 'gpu.memory >= 40GiB and site = berlin'";

function noSuchWord(word: string, commands: readonly Command[]): string {
  const names = commands.map((command) => command.name());
  return `there is no "drover model ${word} …"; there is drover model ${names.join(", ")}`;
}

async function listModels(invocation: Invocation): Promise<number> {
  const { client, shell, asJson } = invocation;
  const list = await client.listModels();
  if (asJson) await printJson(invocation, list);
  else await shell.write(renderModels(list.models, { nowMs: shell.clock.nowMs(), width: shell.columns }));
  return ExitCode.ok;
}

async function showModel(invocation: Invocation, name: string): Promise<number> {
  const { client, shell, asJson } = invocation;
  const model = await client.getModel(name);
  if (asJson) await printJson(invocation, await withAllFiles(invocation, model));
  else await shell.write(renderModel(model, { nowMs: shell.clock.nowMs(), width: shell.columns }));
  return ExitCode.ok;
}

async function withAllFiles({ client }: Invocation, model: ModelDetail): Promise<ModelDetail> {
  const files = [...model.files];
  for (let { nextFile } = model; nextFile !== null;) {
    const page = await client.getModel(model.name, nextFile);
    files.push(...page.files);
    nextFile = page.nextFile;
  }
  return { ...model, files, nextFile: null };
}

async function addModel(invocation: Invocation, request: ModelAddRequest): Promise<number> {
  const { client, shell, asJson } = invocation;
  await client.addModel(request);
  const model = await client.getModel(request.name);
  if (asJson) await printJson(invocation, await withAllFiles(invocation, model));
  else await shell.write(renderModel(model, { nowMs: shell.clock.nowMs(), width: shell.columns }));
  return ExitCode.ok;
}

async function placeModel(invocation: Invocation, name: string, request: ModelPlaceRequest): Promise<number> {
  return showPlacements(invocation, await invocation.client.placeModel(name, request));
}

async function unplaceModel(invocation: Invocation, name: string, on: string): Promise<number> {
  return showPlacements(invocation, await invocation.client.unplaceModel(name, { on }));
}

async function showPlacements(invocation: Invocation, model: Model): Promise<number> {
  const { shell, asJson } = invocation;
  const view = { nowMs: shell.clock.nowMs(), width: shell.columns };
  if (asJson) await printJson(invocation, model);
  else await shell.write(renderPlacements(model.placements, view));
  return ExitCode.ok;
}

async function removeModel(invocation: Invocation, name: string): Promise<number> {
  const { client, shell, asJson } = invocation;
  const model = await client.removeModel(name);
  if (asJson) await printJson(invocation, model);
  else await shell.write(`${printable(`model ${name} is removed`)}\n`);
  return ExitCode.ok;
}
