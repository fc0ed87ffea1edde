// First: the library's dependency injection reads what it defines.
import "reflect-metadata";
import { createPublicKey, generateKeyPairSync, randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { MS_PER_DAY } from "@drover/shared/units.ts";

/** Everything that OpenSSL, curl and Node have spoken for a decade. */
const KEY = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;
/** Clients pin it, and cannot be told of another: longer than any fleet. */
const AUTHORITY_DAYS = 30 * 365;
/** What a stolen key is worth at most, once it is noticed; renewed long before. */
export const LEAF_DAYS = 30;
/** A machine whose clock is an hour slow must not be shut out by a certificate that is new. */
const BACKDATED_MS = MS_PER_DAY;

/** A private key, as PKCS #8 PEM. */
export function newPrivateKey(): string {
  return generateKeyPairSync("ec", {
    namedCurve: KEY.namedCurve,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  }).privateKey;
}

/** The certificate of an authority that signs itself; each has a name of its own, so that two are never mixed up. */
export async function issueAuthority(privateKeyPem: string, nowMs: number): Promise<string> {
  const keys = { publicKey: await publicKeyOf(privateKeyPem), privateKey: await signingKeyOf(privateKeyPem) };
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=Drover CA ${randomBytes(4).toString("hex")}`,
    notBefore: new Date(nowMs - BACKDATED_MS),
    notAfter: new Date(nowMs + AUTHORITY_DAYS * MS_PER_DAY),
    signingAlgorithm: SIGNATURE,
    keys,
    extensions: [
      // It signs servers and no further authority.
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return pemOf(certificate);
}

export interface LeafRequest {
  authorityPem: string;
  authorityKeyPem: string;
  /** The server's: it stays the same from leaf to leaf, because install commands pin it. */
  privateKeyPem: string;
  names: readonly string[];
  nowMs: number;
}

export async function issueLeaf(request: LeafRequest): Promise<string> {
  const { authorityPem, authorityKeyPem, privateKeyPem, names, nowMs } = request;
  const authority = new X509Certificate(authorityPem);
  const publicKey = await publicKeyOf(privateKeyPem);
  const certificate = await X509CertificateGenerator.create({
    subject: "CN=Drover coordinator",
    issuer: authority.subject,
    notBefore: new Date(nowMs - BACKDATED_MS),
    notAfter: new Date(nowMs + LEAF_DAYS * MS_PER_DAY),
    signingAlgorithm: SIGNATURE,
    publicKey,
    signingKey: await signingKeyOf(authorityKeyPem),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const), value })),
      ),
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(authority),
    ],
  });
  return pemOf(certificate);
}

function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString("pem").trim()}\n`;
}

function signingKeyOf(privateKeyPem: string): Promise<webcrypto.CryptoKey> {
  const body = Buffer.from(privateKeyPem.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
  return webcrypto.subtle.importKey("pkcs8", body, KEY, false, ["sign"]);
}

function publicKeyOf(privateKeyPem: string): Promise<webcrypto.CryptoKey> {
  const body = createPublicKey(privateKeyPem).export({ type: "spki", format: "der" });
  return webcrypto.subtle.importKey("spki", body, KEY, true, ["verify"]);
}
