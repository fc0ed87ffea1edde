import { existsSync, readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { FIXTURES_DIR, readProbeFixtures, XID_CATALOG } from "../testing/probe-fixtures.ts";
import { XIDS } from "./parse/xid-table.ts";

const FIXTURES = readProbeFixtures();

describe("a real output", () => {
  test.for(FIXTURES)("$file is read as the file in expected/ says", async ({ file, text, parse }) => {
    const expected = fileURLToPath(new URL(`expected/${file}.json`, FIXTURES_DIR));
    // Else the comparison below would write it and pass.
    expect(existsSync(expected) || process.env["DROVER_WRITE_EXPECTED"] === "1").toBe(true);
    await expect(`${JSON.stringify(parse(text), null, 2)}\n`).toMatchFileSnapshot(expected);
  });

  test.for(FIXTURES)("$file with the line ends of Windows is the same", ({ text, parse }) => {
    expect(parse(text.replaceAll("\n", "\r\n"))).toEqual(parse(text));
  });

  test("that is expected is there", () => {
    const expected = readdirSync(new URL("expected/", FIXTURES_DIR), { recursive: true, withFileTypes: true });
    expect(expected.filter((entry) => entry.isFile())).toHaveLength(FIXTURES.length);
  });
});

describe("NVIDIA's catalogue of Xids", () => {
  const rows = readFileSync(new URL(`nvidia-smi/${XID_CATALOG}`, FIXTURES_DIR), "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => ({ code: Number(line.split(",", 1)[0]), line }));
  const used = rows.filter(({ line }) => !line.includes(",Unused,"));

  test("is whole in our table, but for what it calls unused", () => {
    const unnamed = used.filter(({ code }) => !XIDS.has(code)).map(({ code }) => code);
    // Without an action, or with one that says nothing about the GPU: shown as unknown, with their line.
    expect(unnamed).toEqual([142, 159, 166, 170]);
    expect([...XIDS.keys()].every((code) => used.some((row) => row.code === code))).toBe(true);
  });

  test.for([
    ["RESET_GPU", ["reset"]],
    ["RESTART_BM", ["reboot"]],
    ["RESTART_VM", ["reboot"]],
    ["WORKFLOW_(?:XID_48|NVLINK)", ["reset"]],
    ["RESTART_APP", ["application"]],
    ["IGNORE", ["application", "informational"]],
  ] as const)("whose immediate action is %s never contradicts ours", ([action, classes]) => {
    const concerned = used.filter(({ line }) => new RegExp(`,${action}[A-Z0-9_]*,[^,]*$`).test(line));
    expect(concerned.length).toBeGreaterThan(0);
    for (const { code } of concerned) expect(classes, String(code)).toContain(XIDS.get(code)?.class);
  });
});
