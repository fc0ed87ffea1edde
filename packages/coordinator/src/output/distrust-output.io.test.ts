import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { AttemptId } from "@drover/shared/domain/ids.ts";
import { distrustOutput } from "./distrust-output.ts";
import { nodeOutputFiles } from "./output-files.ts";
import { OutputStore } from "./output-store.ts";

const LIVE = "1.0.1-aaaaaa" as AttemptId;
const ENDED = "2.0.1-aaaaaa" as AttemptId;

let dataDir: string;
let outputs: OutputStore;
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "drover-output-"));
  outputs = new OutputStore(nodeOutputFiles, dataDir, () => {});
  distrustOutput(dataDir, outputs, "boot-1", []);
  await outputs.append(LIVE, 0, Buffer.from("of one that runs"));
  await outputs.append(ENDED, 0, Buffer.from("of one that ended"));
  await outputs.seal(ENDED);
});
afterEach(async () => {
  await outputs.close();
  rmSync(dataDir, { recursive: true, force: true });
});

test("in the same boot of the machine output is continued from where it is", () => {
  expect(distrustOutput(dataDir, outputs, "boot-1", [LIVE])).toBe(0);
  expect(outputs.sizeOf(LIVE)).toBe("of one that runs".length);
});

test("after a restart of the machine the agents of attempts that go on are to send all of it again", async () => {
  expect(distrustOutput(dataDir, outputs, "boot-2", [LIVE])).toBe(1);
  expect(outputs.reliableBytesOf(LIVE)).toBe(0);
  expect(await outputs.seal(LIVE)).toBe(0);
  expect(outputs.reliableBytesOf(ENDED)).toBe("of one that ended".length);
  // What there is can be read until then: its agent may never come back.
  expect(outputs.sizeOf(LIVE)).toBe("of one that runs".length);
  expect(await outputs.append(LIVE, 0, Buffer.from("again"))).toBe(5);
  expect([outputs.sizeOf(LIVE), await outputs.seal(LIVE)]).toEqual([5, 5]);
});

test("output is doubted by each start until all that was doubtful has come again", async () => {
  expect(distrustOutput(dataDir, outputs, "boot-2", [LIVE])).toBe(1);
  expect(distrustOutput(dataDir, new OutputStore(nodeOutputFiles, dataDir, () => {}), "boot-2", [LIVE])).toBe(1);
  await outputs.append(LIVE, 0, Buffer.from("again"));
  expect(distrustOutput(dataDir, outputs, "boot-2", [LIVE])).toBe(0);
});

test("where the system does not say when it was started, it is doubted by each start", () => {
  expect(distrustOutput(dataDir, outputs, null, [LIVE])).toBe(1);
  expect(distrustOutput(dataDir, outputs, null, [LIVE])).toBe(1);
});
