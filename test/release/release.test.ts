import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { arch, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeRelease } from "../../deploy/release/make-release.ts";
import { findCompiler } from "../../deploy/release/supervisor.ts";
import { TARGETS } from "../../deploy/release/target.ts";

const VERSION = "9.8.7-test.1";
const PT_LOAD = 1;
const PT_INTERP = 3;
const PACKAGES = ["agent", "cli", "coordinator", "shared"];

const work = mkdtempSync(join(tmpdir(), "drover-release-test-"));
const [first, second] = [join(work, "first"), join(work, "second")];
const own = TARGETS.filter((target) => target === `linux-${arch()}`);
const archive = `drover-${VERSION}-${own[0]}.tar.gz`;

function run(program: string, words: readonly string[], cwd = work): string {
  const { status, stdout, stderr, error } = spawnSync(program, words, { encoding: "utf8", cwd });
  expect(status, `${program} ${words.join(" ")}: ${error?.message ?? stderr}`).toBe(0);
  return stdout;
}

describe.skipIf(own.length === 0)("a release", () => {
  beforeAll(async () => {
    for (const folder of [first, second]) {
      const options = { version: VERSION, targets: own, compression: 1 };
      expect((await makeRelease(folder, options)).missing).toEqual([]);
    }
    run("tar", ["-xzf", join(first, archive)]);
  }, 120_000);
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  test("is the same, byte for byte, when it is made again", () => {
    const names = readdirSync(first);
    expect(names.toSorted()).toEqual([archive, `drover-${VERSION}.cdx.json`, "SHA256SUMS", "install.sh"].toSorted());
    for (const name of names)
      expect(readFileSync(join(first, name)).equals(readFileSync(join(second, name))), name).toBe(true);
  });

  test("is what its checksums say", () => {
    expect(run("sha256sum", ["--check", "--strict", "SHA256SUMS"], first)).toBe(
      `${archive}: OK\ndrover-${VERSION}.cdx.json: OK\ninstall.sh: OK\n`,
    );
  });

  test.each(["drover", "drover-agent", "drover-coordinator"])(
    "%s runs from it alone, through a link as well",
    (name) => {
      const folder = join(work, archive.replace(".tar.gz", ""));
      const link = join(work, `link-to-${name}`);
      run("ln", ["-sfn", join(folder, name), link]);
      const alone = spawnSync(link, ["--version"], { encoding: "utf8", env: { PATH: "/usr/bin:/bin" }, cwd: "/" });
      expect(alone.stdout).toBe(`${VERSION}\n`);
    },
  );

  test("has a supervisor that needs no library of the machine", () => {
    const program = readFileSync(join(work, archive.replace(".tar.gz", ""), "lib/drover-supervisor"));
    // elf(5): the table of what is loaded, of which one that needs libraries has the loader's name.
    const [tableAt, entryBytes, count] = [program.readUInt32LE(32), program.readUInt16LE(54), program.readUInt16LE(56)];
    const kinds = Array.from({ length: count }, (_, i) => program.readUInt32LE(tableAt + i * entryBytes));
    expect(kinds).toContain(PT_LOAD);
    expect(kinds).not.toContain(PT_INTERP);
  });

  test("has a bill of materials with every package that is depended on", () => {
    const bill = JSON.parse(readFileSync(join(first, `drover-${VERSION}.cdx.json`), "utf8")) as {
      specVersion: string;
      metadata: { component: { version: string } };
      components: { "bom-ref": string; name: string; version: string; licenses?: unknown[] }[];
      dependencies: { ref: string; dependsOn: string[] }[];
    };
    expect(bill.specVersion).toBe("1.6");
    expect(bill.metadata.component.version).toBe(VERSION);
    const names = bill.components.map((component) => component.name);
    for (const folder of PACKAGES) {
      const path = join(import.meta.dirname, "../../packages", folder, "package.json");
      const { dependencies } = JSON.parse(readFileSync(path, "utf8")) as { dependencies?: Record<string, string> };
      for (const name of Object.keys(dependencies ?? {}).filter((one) => !one.startsWith("@drover/")))
        expect(names).toContain(name);
    }
    // What those bring along, and what runs all of it.
    expect(names).toEqual(expect.arrayContaining(["thread-stream", "node"]));
    expect(bill.components.filter(({ name, licenses }) => name !== "node" && licenses === undefined)).toEqual([]);
    const references = bill.components.map((component) => component["bom-ref"]);
    expect(new Set(references).size).toBe(references.length);
    expect(bill.dependencies[0]?.dependsOn).toEqual(references);
  });
});

const other = TARGETS.filter((target) => target !== own[0]);
const without = other.filter((target) => findCompiler(target) === null);
for (const target of without)
  process.stdout.write(`release.test.ts makes nothing for ${target}: there is no compiler for it here\n`);

test.each(without)("for %s, without a compiler, nothing is made and the reason is said", async (target) => {
  const folder = mkdtempSync(join(tmpdir(), "drover-release-test-"));
  try {
    const release = await makeRelease(folder, { version: VERSION, targets: [target], compression: 1 });
    expect(release.files).not.toContain(`drover-${VERSION}-${target}.tar.gz`);
    expect(release.missing).toEqual([
      expect.stringMatching(/^there is no C compiler for linux-\S+, so nothing is made/),
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
