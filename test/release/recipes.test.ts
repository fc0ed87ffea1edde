import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readInvocation } from "@drover/coordinator/config.ts";
import { DROVER_VERSION } from "@drover/shared/version.ts";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { missingTools } from "../support/missing-tools.ts";

const ROOT = join(import.meta.dirname, "../..");
const RECIPES = ["compose", "kubernetes", "proxmox", "runpod"].flatMap((folder) =>
  readdirSync(join(ROOT, "deploy", folder), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `deploy/${folder}/${entry.name}`),
);

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** Each document of a file; whatever is odd in it fails. */
function yaml(path: string): unknown[] {
  return parseAllDocuments(read(path), { strict: true }).map((document) => {
    expect([...document.errors, ...document.warnings], path).toEqual([]);
    return document.toJS() as unknown;
  });
}

function help(program: "agent" | "coordinator"): string {
  const words = [join(ROOT, `packages/${program}/bin/drover-${program}.mjs`), "--help"];
  return spawnSync(process.execPath, words, { encoding: "utf8" }).stdout;
}

test("every variable that a recipe or a unit sets is one that a program or a script reads", () => {
  const readSomewhere = `${help("agent")}${help("coordinator")}${read("deploy/install.sh")}${read("deploy/runpod/start.sh")}`;
  const units = ["agent", "coordinator"].map((name) => `deploy/systemd/drover-${name}.service`);
  let seen = 0;
  for (const path of [...RECIPES, ...units].filter((name) => !name.endsWith("start.sh")))
    for (const [name] of read(path).matchAll(/\bDROVER_[A-Z_]+\b/g)) {
      expect(readSomewhere, `${name} in ${path}`).toMatch(new RegExp(`\\b${name}\\b`));
      seen++;
    }
  expect(seen).toBeGreaterThan(10);
});

test("every option that a recipe gives to the install script is one that it has", () => {
  const { stdout } = spawnSync("sh", [join(ROOT, "deploy/install.sh"), "--help"], { encoding: "utf8" });
  let seen = 0;
  for (const path of RECIPES)
    for (const [, words = ""] of read(path).matchAll(/sh (?:-s --|\S+install\.sh) ([^\n'"`]+)/g))
      for (const [option] of words.matchAll(/--[a-z-]+/g)) {
        expect(stdout, `${option} in ${path}`).toContain(option);
        seen++;
      }
  expect(seen).toBeGreaterThan(2);
});

test("what is fetched again and again is run once, when it is whole, and the token goes only when it was", () => {
  const script = read("deploy/proxmox/user-data.yaml");
  expect(script).toContain("--retry");
  expect(script).not.toMatch(/curl[^\n]*\| *sh/);
  expect(script.match(/^.*rm -f .*$/gm)).toEqual(["      rm -f /etc/drover/join-token"]);
  expect(script).toMatch(/install\.sh --token-file [^\n]* &&\n +rm -f \/etc\/drover\/join-token\n/);
});

test("the coordinator's image takes the archive of one version, this one where none is named", () => {
  const dockerfile = read("deploy/compose/Dockerfile");
  expect(dockerfile).toContain(`ARG VERSION=${DROVER_VERSION}\n`);
  expect(dockerfile).not.toMatch(/drover-\*/);
});

test("agent and coordinator of one machine are installed in different places", () => {
  const programOf = (name: string) =>
    /^ExecStart=(\S+)\/current\//m.exec(read(`deploy/systemd/drover-${name}.service`))?.[1];
  expect(programOf("agent")).toBe("/opt/drover");
  expect(programOf("coordinator")).toBe("/opt/drover-coordinator");
});

test("what the images copy is there, or is made by the release", () => {
  for (const path of RECIPES.filter((name) => name.endsWith("Dockerfile")))
    for (const [, source = ""] of read(path).matchAll(/^COPY (\S+) /gm))
      expect(source === "artifacts/" || existsSync(join(ROOT, path, "..", source)), `${source} of ${path}`).toBe(true);
});

test("compose starts a coordinator with options that it takes", () => {
  const Compose = z.object({
    services: z.record(z.string(), z.looseObject({ command: z.array(z.string()).optional() })),
  });
  const [document] = yaml("deploy/compose/compose.yaml");
  const { command = [] } = Compose.parse(document).services["coordinator"] ?? {};
  const words = command.map((word) => word.replace("${DOMAIN:?}", "coordinator.example"));
  const invocation = readInvocation([...words, "--data-dir", "/var/lib/drover"], false);
  expect(invocation).toMatchObject({
    command: "run",
    config: { port: 7070, names: ["coordinator.example"], tls: { type: "none" } },
  });
});

test("what the DaemonSet's parts name of each other is there", () => {
  const documents = yaml("deploy/kubernetes/daemonset.yaml") as { kind: string; metadata: { name: string } }[];
  expect(documents.map(({ kind }) => kind)).toEqual(["Namespace", "Secret", "DaemonSet"]);
  const Named = z.looseObject({ name: z.string() });
  const Labels = z.record(z.string(), z.string());
  const DaemonSet = z.looseObject({
    apiVersion: z.literal("apps/v1"),
    metadata: z.looseObject({ namespace: z.literal(documents[0]?.metadata.name ?? "") }),
    spec: z.looseObject({
      selector: z.strictObject({ matchLabels: Labels }),
      template: z.looseObject({
        metadata: z.looseObject({ labels: Labels }),
        spec: z.looseObject({
          containers: z.tuple([
            z.looseObject({
              envFrom: z.tuple([z.strictObject({ secretRef: z.strictObject({ name: z.string() }) })]),
              volumeMounts: z.array(z.strictObject({ name: z.string(), mountPath: z.string() })),
            }),
          ]),
          volumes: z.array(Named),
        }),
      }),
    }),
  });
  const { selector, template } = DaemonSet.parse(documents[2]).spec;
  expect(template.metadata.labels).toMatchObject(selector.matchLabels);
  const [container] = template.spec.containers;
  expect(container.envFrom[0].secretRef.name).toBe(documents[1]?.metadata.name);
  expect(container.volumeMounts.map(({ name }) => name)).toEqual(template.spec.volumes.map(({ name }) => name));
});

test("Runpod's template is one that its API takes", () => {
  // CreateTemplateRequest of Runpod's OpenAPI document, version 2 (2026-08): what it does not know it refuses.
  const Template = z.strictObject({
    name: z.string().min(1),
    image: z.string(),
    args: z.string().optional(),
    category: z.enum(["CPU", "NVIDIA", "AMD"]),
    disk: z.int().positive(),
    mounts: z.strictObject({ persistent: z.strictObject({ size: z.int().min(10), path: z.string().startsWith("/") }) }),
    ports: z.array(z.string().regex(/^\d+\/(http|tcp)$/)),
    env: z.record(z.string(), z.string()),
    serverless: z.boolean(),
    public: z.boolean(),
    startSsh: z.boolean(),
    startJupyter: z.boolean(),
  });
  expect(Template.safeParse(JSON.parse(read("deploy/runpod/template.json"))).error).toBeUndefined();
});

const withoutCloudInit = missingTools({ "cloud-init": "cloud-init" });
if (withoutCloudInit.length > 0)
  process.stdout.write(`recipes.test.ts leaves a check out: there is no ${withoutCloudInit.join()}\n`);

describe("the user data for Proxmox", () => {
  const path = "deploy/proxmox/user-data.yaml";

  test("puts the token where the install script reads it, and takes it away", () => {
    const Data = z.looseObject({
      write_files: z.tuple([z.strictObject({ path: z.string(), permissions: z.literal("0600"), content: z.string() })]),
      runcmd: z.array(z.array(z.string())),
    });
    const { write_files: files, runcmd } = Data.parse(yaml(path)[0]);
    expect(runcmd[1]?.[2]).toContain(`--token-file ${files[0].path} `);
    expect(runcmd.at(-1)?.[2]).toMatch(new RegExp(`&&\\nrm -f ${files[0].path}\\n$`));
  });

  test.skipIf(withoutCloudInit.length > 0)("is what cloud-init takes", () => {
    const { status, stderr } = spawnSync("cloud-init", ["schema", "--config-file", join(ROOT, path)], {
      encoding: "utf8",
    });
    expect({ status, stderr }).toMatchObject({ status: 0 });
  });
});
