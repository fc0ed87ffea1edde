import { X509Certificate } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { Clock } from "@drover/shared/clock.ts";
import { MS_PER_DAY } from "@drover/shared/units.ts";
import { isNamedBy } from "./is-named-by.ts";
import { ownFingerprint, openOwnCertificate } from "./own-certificate.ts";
import type { TlsContext } from "./server-tls.ts";

const NAMES = ["coord.example", "10.0.0.5", "localhost"];

function aDataDir(): string {
  const dataDir = mkdtempSync(join(tmpdir(), "drover-tls-"));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  return dataDir;
}

/** Time stands still until the test moves it; `fire` lets what waits happen. */
function aClock() {
  let nowMs = Date.now();
  let waiting: (() => void) | null = null;
  const clock: Clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    callSoon: (fn) => void setImmediate(fn),
    callAfter(_delayMs, fn) {
      waiting = fn;
      return () => (waiting = null);
    },
  };
  return { clock, pass: (days: number) => (nowMs += days * MS_PER_DAY), fire: () => waiting?.() };
}

let said: { event: string }[] = [];
beforeEach(() => void (said = []));
const note = (fields: { event: string }) => void said.push(fields);
const log = { info: note, warn: note, error: note } as never;

function open(dataDir: string, { clock } = aClock(), names: readonly string[] = NAMES) {
  return openOwnCertificate({ dataDir, names, clock, log });
}

function filesOf(dataDir: string): [string, string][] {
  const folder = join(dataDir, "tls");
  return readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]);
}

function leafOf({ cert }: TlsContext): X509Certificate {
  return new X509Certificate(cert);
}

describe("the coordinator's own certificate", () => {
  test("names what was advertised, and is signed by an authority that is no server", async () => {
    const dataDir = aDataDir();
    const tls = await open(dataDir);
    const leaf = leafOf(tls.context());
    const authority = new X509Certificate(readFileSync(join(dataDir, "tls/ca.pem")));
    for (const name of NAMES) expect(isNamedBy(leaf, name)).toBe(true);
    expect(leaf.checkHost("other.example")).toBeUndefined();
    expect([leaf.ca, authority.ca]).toEqual([false, true]);
    expect(leaf.verify(authority.publicKey)).toBe(true);
    expect(tls.trust).toMatchObject({ type: "authority", fingerprint: ownFingerprint(dataDir) });
    expect(leaf.validToDate.getTime() - Date.now()).toBeLessThanOrEqual(30 * MS_PER_DAY);
  });

  test("lies in files that nobody else can read", async () => {
    const dataDir = aDataDir();
    await open(dataDir);
    const modes = readdirSync(join(dataDir, "tls")).map((name) => statSync(join(dataDir, "tls", name)).mode & 0o777);
    expect(modes).toEqual([0o600, 0o600, 0o600, 0o600]);
  });

  test("is the same after a restart, and another for other names, under the same authority and key", async () => {
    const dataDir = aDataDir();
    const [first, second] = [await open(dataDir), await open(dataDir)];
    expect(second.context()).toEqual(first.context());
    const renamed = await open(dataDir, aClock(), ["gpu.example"]);
    expect(leafOf(renamed.context()).checkHost("gpu.example")).toBe("gpu.example");
    expect(renamed.trust).toEqual(first.trust);
  });

  test("is renewed ten days before its end, with the key that install commands pin", async () => {
    const dataDir = aDataDir();
    const time = aClock();
    const tls = await open(dataDir, time);
    const before = leafOf(tls.context());
    const renewed = Promise.withResolvers<TlsContext>();
    onTestFinished(tls.watch(renewed.resolve));
    time.pass(21);
    time.fire();
    const after = leafOf(await renewed.promise);
    expect(after.serialNumber).not.toBe(before.serialNumber);
    expect(after.publicKey.equals(before.publicKey)).toBe(true);
    expect(after.validToDate.getTime()).toBeGreaterThan(before.validToDate.getTime());
    expect(leafOf((await open(dataDir, time)).context()).serialNumber).toBe(after.serialNumber);
  });

  test("is not made anew where a part of the authority is gone, or could have been copied", async () => {
    const dataDir = aDataDir();
    const fingerprint = await open(dataDir).then(() => ownFingerprint(dataDir));
    const key = join(dataDir, "tls/ca.key");
    chmodSync(key, 0o644);
    await expect(open(dataDir)).rejects.toMatchObject({ code: "tls.unusable" });
    rmSync(key);
    await expect(open(dataDir)).rejects.toMatchObject({ code: "tls.unusable", message: `${key} is gone.` });
    expect(ownFingerprint(dataDir)).toBe(fingerprint);
  });

  test.each(["ca.pem", "ca.key", "server.key"])("says that %s is gone, and leaves the rest as it is", async (name) => {
    const dataDir = aDataDir();
    await open(dataDir);
    rmSync(join(dataDir, "tls", name));
    const left = filesOf(dataDir);
    const message = `${join(dataDir, "tls", name)} is gone.`;
    await expect(open(dataDir)).rejects.toMatchObject({ code: "tls.unusable", message });
    expect(filesOf(dataDir)).toEqual(left);
  });

  test("needs no more than the keys and the authority: the certificate is made again", async () => {
    const dataDir = aDataDir();
    const first = await open(dataDir);
    rmSync(join(dataDir, "tls/server.pem"));
    expect((await open(dataDir)).trust).toEqual(first.trust);
  });

  test.each(["ca.key", "server.key"])("is not used with another's %s", async (name) => {
    const [dataDir, other] = [aDataDir(), aDataDir()];
    await open(dataDir);
    await open(other);
    copyFileSync(join(other, "tls", name), join(dataDir, "tls", name));
    const message = `The key in ${join(dataDir, "tls", name)} is not that of the certificate beside it.`;
    await expect(open(dataDir)).rejects.toMatchObject({ code: "tls.unusable", message });
    writeFileSync(join(dataDir, "tls", name), "no key");
    await expect(open(dataDir)).rejects.toMatchObject({ code: "tls.unusable" });
  });

  test("is made anew where the first start was cut off", async () => {
    const dataDir = aDataDir();
    mkdirSync(join(dataDir, "tls.incoming"));
    writeFileSync(join(dataDir, "tls.incoming/ca.key"), "half a k");
    await open(dataDir);
    expect(readdirSync(dataDir)).toEqual(["tls"]);
  });

  test("that cannot be renewed stays, and the log says so", async () => {
    const dataDir = aDataDir();
    const time = aClock();
    const tls = await open(dataDir, time);
    const before = tls.context();
    const changes: TlsContext[] = [];
    onTestFinished(tls.watch((context) => void changes.push(context)));
    rmSync(join(dataDir, "tls/ca.key"));
    time.pass(25);
    time.fire();
    await expect.poll(() => said.map(({ event }) => event)).toEqual(["tls.renewFailed"]);
    expect({ changes, now: tls.context() }).toEqual({ changes: [], now: before });
  });

  test("that the server did not take is given to it again", async () => {
    const dataDir = aDataDir();
    const time = aClock();
    const tls = await open(dataDir, time);
    const taken: TlsContext[] = [];
    let isBroken = true;
    const stop = tls.watch((context) => {
      if (isBroken) throw new Error("no memory");
      taken.push(context);
    });
    onTestFinished(stop);
    time.pass(21);
    time.fire();
    await expect.poll(() => said.map(({ event }) => event)).toEqual(["tls.renewFailed"]);
    isBroken = false;
    await expect.poll(() => (time.fire(), taken.length)).toBe(1);
    expect(tls.context()).toEqual(taken[0]);
  });
});
