import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "@drover/shared/clock.ts";
import { DroverError } from "@drover/shared/errors.ts";
import { fingerprintOf } from "@drover/shared/tls/pinned-authority.ts";
import { MS_PER_DAY } from "@drover/shared/units.ts";
import { makeDirectory, syncPath, writePrivateFile } from "../durable-files.ts";
import type { Log } from "../telemetry/log.ts";
import { isNamedBy } from "./is-named-by.ts";
import type { LeafRequest } from "./issue-certificates.ts";
import type { ServerTls, TlsContext } from "./server-tls.ts";

const CHECK_INTERVAL_MS = 60 * 60_000;
/** Ten days in which a full disk, or a clock that is wrong, can be seen to before anybody is shut out. */
const RENEW_BEFORE_MS = 10 * MS_PER_DAY;
const OTHERS_MAY = 0o077;

export interface OwnCertificateOptions {
  dataDir: string;
  names: readonly string[];
  clock: Clock;
  log: Log;
}

/**
 * A certificate by an authority of the coordinator's own: both are made at the first start, in `tls/` of the data
 * directory. The authority stays for ever, because clients know it by its fingerprint; the certificate is
 * exchanged while the server runs, and keeps its key.
 */
export async function openOwnCertificate(options: OwnCertificateOptions): Promise<ServerTls> {
  try {
    return await openFiles(options);
  } catch (cause) {
    if (!(cause instanceof Error && "syscall" in cause)) throw cause;
    throw new DroverError("dataDir.unusable", `${options.dataDir}/tls cannot be used: ${cause.message}.`, { cause });
  }
}

async function openFiles({ dataDir, names, clock, log }: OwnCertificateOptions): Promise<ServerTls> {
  const files = tlsFiles(dataDir);
  if (isNothingIn(files.folder)) await makeEverything(dataDir, names, clock.nowMs());
  const authorityPem = readCertificate(files.authority);
  // Looked at now, while somebody looks: needed again when the certificate is renewed, in weeks.
  readKeyOf(authorityPem, files.authorityKey);
  if (existsSync(files.leaf)) readKeyOf(readCertificate(files.leaf), files.leafKey);
  let leafPem = await leafFor(authorityPem, files, names, clock.nowMs());
  const contextWith = (leaf: string): TlsContext => ({
    key: readKeyOf(leaf, files.leafKey),
    cert: leaf + authorityPem,
  });

  return {
    trust: { type: "authority", fingerprint: fingerprintOf(authorityPem), publicKeyPin: publicKeyPin(leafPem) },
    answersTo: (host) => names.includes(host),
    context: () => contextWith(leafPem),
    watch(onChanged) {
      let isStopped = false;
      const check = async (): Promise<void> => {
        try {
          const next = await leafFor(authorityPem, files, names, clock.nowMs());
          if (isStopped) return;
          if (next !== leafPem) {
            onChanged(contextWith(next));
            // Only now: what was not taken is tried again.
            leafPem = next;
            log.info({ event: "tls.renewed", validUntil: validUntil(leafPem) }, "certificate renewed");
          }
        } catch (err) {
          log.error({ event: "tls.renewFailed", err, validUntil: validUntil(leafPem) }, "certificate not renewed");
        }
        if (!isStopped) cancelNext = clock.callAfter(CHECK_INTERVAL_MS, () => void check());
      };
      let cancelNext = clock.callAfter(CHECK_INTERVAL_MS, () => void check());
      return () => {
        isStopped = true;
        cancelNext();
      };
    },
  };
}

/** What clients pin: shown to whoever can read the data directory. */
export function ownFingerprint(dataDir: string): string {
  const { authority } = tlsFiles(dataDir);
  if (!existsSync(authority))
    throw new DroverError("tls.unusable", `There is no ${authority}: this coordinator has never made an authority.`);
  return fingerprintOf(readFileSync(authority, "utf8"));
}

type TlsFiles = ReturnType<typeof tlsFiles>;

function tlsFiles(dataDir: string, folder = join(dataDir, "tls")) {
  return {
    folder,
    authorityKey: join(folder, "ca.key"),
    authority: join(folder, "ca.pem"),
    leafKey: join(folder, "server.key"),
    leaf: join(folder, "server.pem"),
  };
}

function isNothingIn(folder: string): boolean {
  return !existsSync(folder) || readdirSync(folder).length === 0;
}

/**
 * Beside its place and then renamed: where one file is, all are. So one that is missing was lost, and is never made
 * anew: every client would take the coordinator for an impostor.
 */
async function makeEverything(dataDir: string, names: readonly string[], nowMs: number): Promise<void> {
  const { issueAuthority, newPrivateKey } = await import("./issue-certificates.ts");
  const { folder } = tlsFiles(dataDir);
  const incoming = tlsFiles(dataDir, `${folder}.incoming`);
  rmSync(incoming.folder, { recursive: true, force: true });
  makeDirectory(incoming.folder);
  const authorityKeyPem = newPrivateKey();
  const authorityPem = await issueAuthority(authorityKeyPem, nowMs);
  writePrivateFile(incoming.authorityKey, authorityKeyPem);
  writePrivateFile(incoming.authority, authorityPem);
  writePrivateFile(incoming.leafKey, newPrivateKey());
  await leafFor(authorityPem, incoming, names, nowMs);
  renameSync(incoming.folder, folder);
  syncPath(dataDir);
}

/** The one that is there, as long as it serves; else another, for the same key. */
async function leafFor(
  authorityPem: string,
  files: TlsFiles,
  names: readonly string[],
  nowMs: number,
): Promise<string> {
  const privateKeyPem = readKey(files.leafKey);
  const present = existsSync(files.leaf) ? readFileSync(files.leaf, "utf8") : null;
  if (present !== null && serves(present, { authorityPem, privateKeyPem, names, nowMs })) return present;
  // Here, because a coordinator on loopback, and most starts of others, do without the library.
  const { issueLeaf } = await import("./issue-certificates.ts");
  const authorityKeyPem = readKey(files.authorityKey);
  const issued = await issueLeaf({ authorityPem, authorityKeyPem, privateKeyPem, names, nowMs });
  writePrivateFile(files.leaf, issued);
  return issued;
}

function serves(leafPem: string, wanted: Omit<LeafRequest, "authorityKeyPem">): boolean {
  const leaf = new X509Certificate(leafPem);
  const { validFromDate, validToDate, subjectAltName = "" } = leaf;
  const isFresh = validFromDate.getTime() <= wanted.nowMs && validToDate.getTime() - wanted.nowMs > RENEW_BEFORE_MS;
  const namedCount = subjectAltName.split(", ").length;
  const isNamed = wanted.names.every((name) => isNamedBy(leaf, name));
  const isOurs = leaf.verify(new X509Certificate(wanted.authorityPem).publicKey);
  return isFresh && isNamed && namedCount === wanted.names.length && isOurs;
}

/** `tls.unusable` where it is not there, or is none. */
function readCertificate(path: string): string {
  if (!existsSync(path)) throw new DroverError("tls.unusable", `${path} is gone.`);
  const pem = readFileSync(path, "utf8");
  unlessBroken(path, () => new X509Certificate(pem));
  return pem;
}

/** `tls.unusable` where it is of another certificate too: another key is another coordinator to whoever pinned it. */
function readKeyOf(certificatePem: string, path: string): string {
  const pem = readKey(path);
  if (unlessBroken(path, () => new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(pem)))) return pem;
  throw new DroverError("tls.unusable", `The key in ${path} is not that of the certificate beside it.`);
}

function unlessBroken<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DroverError("tls.unusable", `${path} cannot be read: ${reason}.`, { cause });
  }
}

/** `tls.unusable` where it is not there, or where others could have copied it. */
function readKey(path: string): string {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile()) throw new DroverError("tls.unusable", `${path} is gone.`);
  if ((stat.mode & OTHERS_MAY) !== 0)
    throw new DroverError("tls.unusable", `${path} can be read by others (mode ${(stat.mode & 0o777).toString(8)}).`);
  return readFileSync(path, "utf8");
}

/** As curl's --pinnedpubkey wants it, after `sha256//`. */
function publicKeyPin(certificatePem: string): string {
  const key = new X509Certificate(certificatePem).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(key).digest("base64");
}

function validUntil(certificatePem: string): string {
  return new X509Certificate(certificatePem).validToDate.toISOString();
}
