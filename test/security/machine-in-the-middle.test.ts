import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RunningCoordinator } from "@drover/coordinator/testing/running-coordinator.ts";
import { ownFingerprint } from "@drover/coordinator/tls/own-certificate.ts";
import { startImpostor } from "./impostor.ts";

const DROVER = join(import.meta.dirname, "../../packages/cli/bin/drover.mjs");

let coordinator: RunningCoordinator;
let fingerprint: string;
let authorityPem: string;
beforeAll(async () => {
  coordinator = await RunningCoordinator.start(undefined, { names: ["localhost"], tls: { type: "own" } });
  fingerprint = ownFingerprint(coordinator.dataDir);
  authorityPem = readFileSync(join(coordinator.dataDir, "tls/ca.pem"), "utf8");
});
afterAll(() => coordinator[Symbol.asyncDispose]());

/** The real program, with a token that must not get into other hands. */
function drover(url: string, env: Record<string, string>): Promise<{ exitCode: number | null; said: string }> {
  const child = spawn(process.execPath, [DROVER, "--coordinator", url, "nodes", "--json"], {
    env: { PATH: process.env["PATH"], DROVER_TOKEN: coordinator.token, ...env },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => (said += bytes.toString()));
  return new Promise((resolve) => child.once("close", (exitCode) => resolve({ exitCode, said })));
}

describe("drover", () => {
  test("serves its user by the authority that it was told of", async () => {
    const { exitCode, said } = await drover(coordinator.url, { DROVER_CA_FINGERPRINT: fingerprint });
    expect({ exitCode, said: JSON.parse(said) as unknown }).toEqual({ exitCode: 0, said: { nodes: [] } });
  });

  test("trusts no coordinator that its machine does not know, and says what to do", async () => {
    const { exitCode, said } = await drover(coordinator.url, {});
    expect(exitCode).toBe(2);
    expect(said).toMatch(
      /^drover: What answers at https:\S+ is not to be trusted: .*; where the .* DROVER_CA_FINGERPRINT/,
    );
  });

  test("sends nothing to an impostor, and says why", async () => {
    await using impostor = await startImpostor();
    const { exitCode, said } = await drover(`https://localhost:${impostor.port}`, {
      DROVER_CA_FINGERPRINT: fingerprint,
    });
    expect(exitCode).toBe(2);
    expect(said).toContain(`is not of the authority ${fingerprint}`);
    expect([impostor.handshakes() > 0, impostor.heard()]).toEqual([true, ""]);
  });

  test("sends nothing to an impostor that claims to be of the true authority", async () => {
    await using impostor = await startImpostor({ authorityPem });
    const { exitCode, said } = await drover(`https://localhost:${impostor.port}`, {
      DROVER_CA_FINGERPRINT: fingerprint,
    });
    expect(exitCode).toBe(2);
    expect(said).toMatch(/is not to be trusted: certificate signature failure.*somebody may stand in between/);
    expect([impostor.handshakes() > 1, impostor.heard()]).toEqual([true, ""]);
  });

  test("does not go on where Node is told to trust anybody", async () => {
    await using impostor = await startImpostor({ authorityPem });
    const { exitCode, said } = await drover(`https://localhost:${impostor.port}`, {
      DROVER_CA_FINGERPRINT: fingerprint,
      NODE_TLS_REJECT_UNAUTHORIZED: "0",
    });
    expect(exitCode).toBe(2);
    expect(said).toContain("NODE_TLS_REJECT_UNAUTHORIZED=0 would trust anybody");
    expect(impostor.heard()).toBe("");
  });

  test("sends nothing to another server of the true authority", async () => {
    const authorityKeyPem = readFileSync(join(coordinator.dataDir, "tls/ca.key"), "utf8");
    await using impostor = await startImpostor({ authorityPem, authorityKeyPem, names: ["other.example"] });
    const { exitCode, said } = await drover(`https://localhost:${impostor.port}`, {
      DROVER_CA_FINGERPRINT: fingerprint,
    });
    expect(exitCode).toBe(2);
    expect(said).toContain("localhost. is not in the cert's altnames");
    expect([impostor.handshakes() > 1, impostor.heard()]).toEqual([true, ""]);
  });
});
