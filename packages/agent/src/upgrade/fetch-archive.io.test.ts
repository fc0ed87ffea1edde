import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { fetchArchive } from "./fetch-archive.ts";

const CONTENT = Buffer.alloc(300_000, "drover");

async function aServer(): Promise<{ url: (path: string) => URL; path: string }> {
  const server = createServer(({ url }, response) => {
    if (url === "/artifacts/there") response.end(CONTENT);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const folder = mkdtempSync(join(tmpdir(), "drover-fetch-"));
  onTestFinished(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });
  const { port } = server.address() as AddressInfo;
  return { url: (path) => new URL(path, `http://127.0.0.1:${port}`), path: join(folder, "archive") };
}

const SHA256 = createHash("sha256").update(CONTENT).digest("hex");

test("a file that is what it should be is there", async () => {
  const { url, path } = await aServer();
  await fetchArchive(url("/artifacts/there"), { path, sha256: SHA256, authorities: [] });
  expect(readFileSync(path).equals(CONTENT)).toBe(true);
});

test("one that is not is refused, as is one that is not there", async () => {
  const { url, path } = await aServer();
  const other = "0".repeat(64);
  await expect(fetchArchive(url("/artifacts/there"), { path, sha256: other, authorities: [] })).rejects.toThrow(
    `/artifacts/there has the SHA-256 ${SHA256} and should have ${other}`,
  );
  await expect(fetchArchive(url("/artifacts/none"), { path, sha256: SHA256, authorities: [] })).rejects.toThrow(
    /answered 404 for \/artifacts\/none$/,
  );
});
