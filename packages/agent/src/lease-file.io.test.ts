import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openLeaseFile } from "./lease.ts";
import { nodeFileSystem } from "./machine/file-system.ts";

let dataDir: string;
beforeEach(() => (dataDir = mkdtempSync(join(tmpdir(), "drover-lease-"))));
afterEach(() => rmSync(dataDir, { recursive: true }));

const deadline = () => Number.parseInt(readFileSync(join(dataDir, "lease"), "utf8"), 10);
const open = (bootId: string) => openLeaseFile(dataDir, nodeFileSystem, bootId);

test("a lease outlives the agent that wrote it, within one boot", () => {
  expect(deadlineAfter("boot-1", 4_000_000_000)).toBe(4_000_000_000);
  open("boot-1").close();
  expect(deadline()).toBe(4_000_000_000);
});

test("a lease of an earlier boot is over, however far ahead its clock was", () => {
  deadlineAfter("boot-1", 4_000_000_000);
  open("boot-2").close();
  expect(deadline()).toBe(0);
  expect(deadlineAfter("boot-2", 7_000)).toBe(7_000);
});

function deadlineAfter(bootId: string, deadlineMs: number): number {
  const file = open(bootId);
  file.write(deadlineMs);
  file.close();
  return deadline();
}
