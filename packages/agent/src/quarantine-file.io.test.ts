import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nodeFileSystem } from "./machine/file-system.ts";
import { openQuarantineFile } from "./quarantine-file.ts";

let dataDir: string;
beforeEach(() => (dataDir = mkdtempSync(join(tmpdir(), "drover-quarantine-"))));
afterEach(() => rmSync(dataDir, { recursive: true }));

const open = (bootId: string) => openQuarantineFile(dataDir, nodeFileSystem, bootId, () => {});
const QUARANTINE = { gpuId: "GPU-1", evidence: "70 GiB still taken by pid 77", allowedBytes: 9, sinceMs: 5 };

test("quarantines outlive the agent, and end with the boot", () => {
  expect(open("b1").load()).toEqual([]);
  open("b1").save([QUARANTINE]);
  expect(open("b1").load()).toEqual([QUARANTINE]);
  expect(open("b2").load()).toEqual([]);
});

test("a file that is damaged is none, and one that cannot be written is said", () => {
  nodeFileSystem.writeText(join(dataDir, "quarantine"), "{", { mode: 0o600 });
  expect(open("b1").load()).toEqual([]);
  const lines: string[] = [];
  openQuarantineFile(join(dataDir, "gone"), nodeFileSystem, "b1", (line) => lines.push(line)).save([]);
  expect(lines).toEqual(["agent.watchTrouble"]);
});
