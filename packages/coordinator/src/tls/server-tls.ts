/** What the server shows to clients, and what they are to trust it by. */
export interface ServerTls {
  readonly trust: Trust;
  /** The names and addresses that it answers for. */
  answersTo(host: string): boolean;
  /** As it is now; `watch` tells of the next. */
  context(): TlsContext;
  /** Keeps it fresh from now on; returns what ends that. */
  watch(onChanged: (context: TlsContext) => void): () => void;
}

export interface TlsContext {
  readonly key: string;
  /** The server's own certificate first, then those that lead to its authority. */
  readonly cert: string;
}

export type Trust =
  /** The coordinator's own authority: clients know it by the SHA-256 of its certificate. */
  | { readonly type: "authority"; readonly fingerprint: string; readonly publicKeyPin: string }
  /** An authority that machines trust by themselves. */
  | { readonly type: "system" };
