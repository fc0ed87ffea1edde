import { get } from "node:http";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { RunningCoordinator } from "../testing/running-coordinator.ts";

const NAMES = ["localhost", "coord.example"];
/** What a proxy that ends TLS says of whom it speaks for. */
const SAID = { "x-forwarded-host": "coord.example", "x-forwarded-proto": "https" };

function ask(coordinator: RunningCoordinator, path: string, headers: Record<string, string>) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  get(new URL(path, coordinator.url), { headers }, (response) => {
    let text = "";
    response.on("data", (chunk: Buffer) => (text += chunk.toString()));
    response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
  }).on("error", reject);
  return promise;
}

async function guessFrom(coordinator: RunningCoordinator, address: string): Promise<number> {
  const headers = { authorization: "Bearer drv_wrong", "x-forwarded-for": address };
  return (await ask(coordinator, "/v1/jobs", headers)).status;
}

test("behind a proxy that is trusted, each caller is somebody, and the address is the one that was asked", async () => {
  await using coordinator = await RunningCoordinator.start(undefined, {
    names: NAMES,
    trustedProxies: ["127.0.0.0/8", "::1"],
  });
  mkdirSync(join(coordinator.dataDir, "artifacts"));
  writeFileSync(join(coordinator.dataDir, "artifacts/SHA256SUMS"), "");
  writeFileSync(join(coordinator.dataDir, "artifacts/install.sh"), "SERVED_COORDINATOR=''\n");
  expect(await ask(coordinator, "/install.sh", SAID)).toEqual({
    status: 200,
    text: "SERVED_COORDINATOR='https://coord.example'\n",
  });
  for (let i = 0; i < 10; i++) expect(await guessFrom(coordinator, "192.0.2.1")).toBe(401);
  expect(await guessFrom(coordinator, "192.0.2.1")).toBe(429);
  expect(await guessFrom(coordinator, "192.0.2.2")).toBe(401);
  expect((await ask(coordinator, "/readyz", { "x-forwarded-host": "evil.example" })).status).toBe(403);
});

test("of anybody else those headers are what anybody may claim", async () => {
  await using coordinator = await RunningCoordinator.start(undefined, { names: NAMES, trustedProxies: ["192.0.2.9"] });
  for (let i = 0; i < 10; i++) expect(await guessFrom(coordinator, `192.0.2.${i}`)).toBe(401);
  expect(await guessFrom(coordinator, "192.0.2.99")).toBe(429);
  expect(
    (await ask(coordinator, "/readyz", { host: "evil.example", "x-forwarded-host": "coord.example" })).status,
  ).toBe(403);
});
