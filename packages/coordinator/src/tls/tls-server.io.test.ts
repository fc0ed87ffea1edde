import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { readFileSync, writeFileSync } from "node:fs";
import { Agent as HttpsAgent, get, type RequestOptions } from "node:https";
import { join } from "node:path";
import type { IncomingMessage } from "node:http";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { describe, expect, onTestFinished, test } from "vitest";
import { systemClock, type Clock } from "@drover/shared/clock.ts";
import { MS_PER_DAY } from "@drover/shared/units.ts";
import { aDataDirectory, RunningCoordinator } from "../testing/running-coordinator.ts";
import { openGivenCertificate } from "./given-certificate.ts";
import { issueAuthority, issueLeaf, newPrivateKey } from "./issue-certificates.ts";
import { ownFingerprint } from "./own-certificate.ts";

const OWN = { names: ["localhost"], tls: { type: "own" } } as const;

interface Answered {
  status: number;
  text: string;
  serial: string;
  /** Of our end: which connection it was. */
  port: number;
}

function ask(url: string, options: RequestOptions): Promise<Answered> {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  get(url, options, (response: IncomingMessage) => {
    const socket = response.socket as TLSSocket;
    const serial = socket.getPeerX509Certificate()?.serialNumber ?? "";
    const port = socket.localPort ?? 0;
    let text = "";
    response.on("data", (chunk: Buffer) => (text += chunk.toString()));
    response.on("end", () => resolve({ status: response.statusCode ?? 0, serial, port, text }));
  }).on("error", reject);
  return promise;
}

function ca(coordinator: RunningCoordinator): string {
  return readFileSync(join(coordinator.dataDir, "tls/ca.pem"), "utf8");
}

async function certificateAt(url: string, options: ConnectionOptions): Promise<X509Certificate> {
  const socket = connect({ host: "127.0.0.1", port: Number(new URL(url).port), rejectUnauthorized: false, ...options });
  onTestFinished(() => void socket.destroy());
  await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
  const certificate = socket.getPeerX509Certificate();
  socket.destroy();
  return certificate as X509Certificate;
}

describe("a coordinator with an authority of its own", () => {
  test("serves who trusts it, by each of its names, and nobody in clear text", async () => {
    await using coordinator = await RunningCoordinator.start(undefined, OWN);
    expect(coordinator.url).toMatch(/^https:\/\/localhost:\d+$/);
    const { port } = new URL(coordinator.url);
    for (const host of ["localhost", "127.0.0.1"])
      expect(await ask(`https://${host}:${port}/readyz`, { ca: ca(coordinator) })).toMatchObject({ status: 200 });
    await expect(ask(`${coordinator.url}/readyz`, {})).rejects.toMatchObject({ code: "SELF_SIGNED_CERT_IN_CHAIN" });
    await expect(fetch(`http://127.0.0.1:${port}/readyz`)).rejects.toThrow();
    expect(coordinator.logLines).toContainEqual(
      expect.objectContaining({ event: "coordinator.listening", caFingerprint: ownFingerprint(coordinator.dataDir) }),
    );
  });

  test("does not answer for names that are not its own", async () => {
    await using coordinator = await RunningCoordinator.start(undefined, { ...OWN, names: ["coord.example"] });
    const { port } = new URL(coordinator.url);
    const by = (host: string) =>
      ask(`https://127.0.0.1:${port}/readyz`, { rejectUnauthorized: false, headers: { host: `${host}:${port}` } });
    expect((await by("coord.example")).status).toBe(200);
    expect(await by("evil.example")).toMatchObject({ status: 403, text: expect.stringContaining("forbiddenHost") });
  });

  test("exchanges its certificate while it runs: open connections stay, new ones get the new one", async () => {
    const timers = new Map<number, () => void>();
    let aheadMs = 0;
    const clock: Clock = {
      ...systemClock,
      nowMs: () => Date.now() + aheadMs,
      callAfter(delayMs, fn) {
        if (delayMs !== 60 * 60_000) return systemClock.callAfter(delayMs, fn);
        timers.set(delayMs, fn);
        return () => timers.delete(delayMs);
      },
    };
    await using coordinator = await RunningCoordinator.start(undefined, OWN, clock);
    const kept = new HttpsAgent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => kept.destroy());
    const insecure = { rejectUnauthorized: false };
    const before = await ask(`${coordinator.url}/readyz`, { ...insecure, agent: kept });
    aheadMs = 21 * MS_PER_DAY;
    for (const fire of timers.values()) fire();
    await expect.poll(async () => (await certificateAt(coordinator.url, {})).serialNumber).not.toBe(before.serial);
    const after = await ask(`${coordinator.url}/readyz`, { ...insecure, agent: kept });
    expect(after).toMatchObject({ status: 200, port: before.port });
  });
});

test("a connection that never begins its handshake does not keep a coordinator from stopping", async () => {
  await using coordinator = await RunningCoordinator.start(undefined, OWN);
  const socket = connectTcp(Number(new URL(coordinator.url).port), "127.0.0.1");
  const closed = once(socket, "close");
  await once(socket, "connect");
  // So that the server has seen it too.
  await certificateAt(coordinator.url, {});
  await coordinator.stop();
  await closed;
});

describe("a coordinator with a certificate that is given", () => {
  async function aPair(folder: string, name: string) {
    const [authorityKeyPem, privateKeyPem, nowMs] = [newPrivateKey(), newPrivateKey(), Date.now()];
    const authorityPem = await issueAuthority(authorityKeyPem, nowMs);
    const request = { authorityPem, authorityKeyPem, privateKeyPem, names: [name, "localhost"], nowMs };
    const pair = { cert: (await issueLeaf(request)) + authorityPem, key: privateKeyPem };
    const files = { certFile: join(folder, "cert.pem"), keyFile: join(folder, "key.pem") };
    const write = (what: Partial<typeof pair> = pair): void => {
      if (what.cert !== undefined) writeFileSync(files.certFile, what.cert);
      if (what.key !== undefined) writeFileSync(files.keyFile, what.key);
    };
    return { ...files, ...pair, write };
  }

  test("takes another one from the same files, once both of it are there", async () => {
    const looks = new Set<() => void>();
    const clock: Clock = {
      ...systemClock,
      callAfter(delayMs, fn) {
        if (delayMs !== 10_000) return systemClock.callAfter(delayMs, fn);
        looks.add(fn);
        return () => looks.delete(fn);
      },
    };
    const look = (): void => {
      const due = [...looks];
      looks.clear();
      for (const fn of due) fn();
    };
    const folder = aDataDirectory();
    const first = await aPair(folder, "one.example");
    first.write();
    const { certFile, keyFile } = first;
    const config = { names: ["localhost"], tls: { type: "given", certFile, keyFile } } as const;
    await using coordinator = await RunningCoordinator.start(undefined, config, clock);
    const shown = async () => (await certificateAt(coordinator.url, {})).toString();
    expect(await shown()).toBe(new X509Certificate(first.cert).toString());

    const second = await aPair(folder, "two.example");
    second.write({ cert: second.cert });
    look();
    look();
    expect(await shown()).toBe(new X509Certificate(first.cert).toString());
    expect(coordinator.logLines.filter(({ event }) => event === "tls.reloadFailed")).toHaveLength(1);
    second.write();
    look();
    expect(await shown()).toBe(new X509Certificate(second.cert).toString());
  });

  test("gives the server again what it did not take", async () => {
    let look = (): void => {};
    const clock: Clock = { ...systemClock, callAfter: (_delayMs, fn) => ((look = fn), () => {}) };
    const folder = aDataDirectory();
    const [first, second] = [await aPair(folder, "one.example"), await aPair(folder, "two.example")];
    first.write();
    const events: string[] = [];
    const note = ({ event }: { event: string }) => void events.push(event);
    const tls = openGivenCertificate({ ...second, names: [], clock, log: { info: note, error: note } as never });
    let isBroken = true;
    tls.watch(() => {
      if (isBroken) throw new Error("no memory");
    });
    second.write();
    for (let i = 0; i < 2; i++) look();
    expect(tls.context().cert).toBe(first.cert);
    isBroken = false;
    look();
    expect(tls.context().cert).toBe(second.cert);
    expect(events).toEqual(["tls.reloadFailed", "tls.reloaded"]);
  });

  test("does not start with a key that is another's", async () => {
    const folder = aDataDirectory();
    const pair = await aPair(folder, "one.example");
    pair.write({ cert: pair.cert, key: newPrivateKey() });
    const { certFile, keyFile } = pair;
    const start = RunningCoordinator.start(undefined, { tls: { type: "given", certFile, keyFile } });
    await expect(start).rejects.toMatchObject({ code: "tls.unusable" });
  });
});
