/**
 * `drv1.<trust>.<id>.<secret>`: what lets a machine join. The id names the invitation wherever it is spoken of; the
 * secret is told once.
 */
export interface JoinToken {
  trust: TrustWord;
  id: string;
  secret: string;
}

/**
 * By what the machine is to know the coordinator: the fingerprint of its authority; `system`, what the machine trusts
 * by itself; `plain`, nothing, because there is no TLS.
 */
export type TrustWord = string;
export const TRUST_SYSTEM = "system";
export const TRUST_PLAIN = "plain";

const JOIN_TOKEN = /^drv1\.([A-Za-z0-9_-]{43}|system|plain)\.([a-z0-9]{10})\.([A-Za-z0-9_-]{43})$/;

export const INVITE_ID_CHARS = 10;
export const JOIN_SECRET_BYTES = 32;

/** `null` where it is none, or was cut. */
export function parseJoinToken(text: string): JoinToken | null {
  const [, trust, id, secret] = JOIN_TOKEN.exec(text) ?? [];
  return trust === undefined || id === undefined || secret === undefined ? null : { trust, id, secret };
}

export function formatJoinToken({ trust, id, secret }: JoinToken): string {
  return `drv1.${trust}.${id}.${secret}`;
}

/**
 * `gpu-*`, `lab-??`: whether a name is one that an invitation gives. `null`: any. By hand, because a regular
 * expression with many stars takes longer than the universe to say no.
 */
export function matchesNamePattern(name: string, pattern: string | null): boolean {
  if (pattern === null) return true;
  let [at, inName] = [0, 0];
  /** After the last star, and how much of the name it has eaten. */
  let retry: { at: number; inName: number } | null = null;
  while (inName < name.length) {
    const wanted = pattern[at];
    if (wanted === "*") retry = { at: ++at, inName };
    else if (wanted === "?" || wanted === name[inName]) [at, inName] = [at + 1, inName + 1];
    else if (retry === null) return false;
    else [at, inName] = [retry.at, ++retry.inName];
  }
  return pattern.slice(at).replaceAll("*", "") === "";
}
