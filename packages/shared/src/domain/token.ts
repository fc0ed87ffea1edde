/** So that a scanner, or a person, knows one where it should not be. */
export const TOKEN_PREFIX = "drv_";
/** Of 256 random bits, as base64url without padding. */
const TOKEN = /^drv_[A-Za-z0-9_-]{43}$/;
/** Longer than any word of ours after the prefix, shorter than a token: one that was cut when pasted is hidden too. */
const LIKE_TOKEN = /drv_[A-Za-z0-9_-]{8,}/g;
const LIKE_JOIN_TOKEN = /drv1\.[A-Za-z0-9_.-]{8,}/g;

export const TOKEN_BYTES = 32;

export function isTokenShaped(text: string): boolean {
  return TOKEN.test(text);
}

/** For what is written down: people paste a token where its name was asked for. */
export function withoutTokens(text: string): string {
  return text.replaceAll(LIKE_TOKEN, "drv_(hidden)").replaceAll(LIKE_JOIN_TOKEN, "drv1.(hidden)");
}
