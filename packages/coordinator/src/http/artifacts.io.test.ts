import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Problem } from "@drover/shared/api/problem.ts";
import { RunningCoordinator } from "../testing/running-coordinator.ts";

const SCRIPT = "#!/bin/sh\nSERVED_COORDINATOR=''\nSERVED_VERSION=''\nSERVED_SHA256SUMS=''\nSERVED_CA=''\n";
const ARCHIVE = Buffer.from([31, 139, 0, 255]);

let coordinator: RunningCoordinator;

beforeAll(async () => {
  coordinator = await RunningCoordinator.start();
});
afterAll(() => coordinator[Symbol.asyncDispose]());

/** Without a token. */
function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(new URL(path, coordinator.url), { headers });
}

async function codeOf(path: string): Promise<string> {
  const answer = await get(path);
  return ((await answer.json()) as Problem).code;
}

describe("before a release lies there", () => {
  test("a machine is told what is missing", async () => {
    expect(await codeOf("/install.sh")).toBe("artifacts.notFound");
    expect(await codeOf("/artifacts/SHA256SUMS")).toBe("artifacts.notFound");
  });
});

describe("with a release in the data directory", () => {
  beforeAll(() => {
    const folder = join(coordinator.dataDir, "artifacts");
    mkdirSync(folder);
    writeFileSync(join(folder, "install.sh"), SCRIPT);
    writeFileSync(join(folder, "drover-0.1.0-linux-x64.tar.gz"), ARCHIVE);
    writeFileSync(join(folder, "SHA256SUMS"), "abc  drover-0.1.0-linux-x64.tar.gz\ndef  drover-0.1.0.cdx.json\n");
    writeFileSync(join(coordinator.dataDir, "secret"), "of the data directory");
    mkdirSync(join(folder, "folder"));
  });

  test("the script knows where it came from, and of which version the agent is to be, and what its archives are", async () => {
    const script = await (await get("/install.sh")).text();
    expect(script).toContain(`SERVED_COORDINATOR='${coordinator.url}'\nSERVED_VERSION='0.1.0'\n`);
    expect(script).toContain("SERVED_SHA256SUMS='abc  drover-0.1.0-linux-x64.tar.gz'\n");
  });

  test("files come as they are", async () => {
    const answer = await get("/artifacts/drover-0.1.0-linux-x64.tar.gz");
    expect(answer.headers.get("content-length")).toBe("4");
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(ARCHIVE);
  });

  test.each(["/artifacts/..%2Fsecret", "/artifacts/folder", "/artifacts/.hidden", "/artifacts/none"])(
    "there is no %s",
    async (path) => {
      expect(await codeOf(path)).toBe("artifacts.notFound");
    },
  );
});
