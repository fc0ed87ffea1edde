import { createServer, type TLSSocket } from "node:tls";
import type { AddressInfo } from "node:net";
import { issueAuthority, issueLeaf, newPrivateKey } from "@drover/coordinator/tls/issue-certificates.ts";

/** Stands where the coordinator should, for the same name, under an authority of its own. */
export interface Impostor extends AsyncDisposable {
  port: number;
  /** What clients sent after a handshake: nothing, or it was believed. */
  heard(): string;
  handshakes(): number;
}

export interface Disguise {
  /** Claims to be of this authority: its certificate is everybody's. */
  authorityPem?: string;
  /** And signs with this key: what only a thief has. */
  authorityKeyPem?: string;
  names?: readonly string[];
}

export async function startImpostor(disguise: Disguise = {}): Promise<Impostor> {
  const [privateKeyPem, nowMs] = [newPrivateKey(), Date.now()];
  const { authorityKeyPem = newPrivateKey(), names = ["localhost", "127.0.0.1"] } = disguise;
  const authorityPem = disguise.authorityPem ?? (await issueAuthority(authorityKeyPem, nowMs));
  const leaf = await issueLeaf({ authorityPem, authorityKeyPem, privateKeyPem, names, nowMs });
  let heard = "";
  let handshakes = 0;
  const open = new Set<TLSSocket>();
  const server = createServer({ key: privateKeyPem, cert: leaf + authorityPem }, (socket) => {
    handshakes++;
    open.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("data", (bytes: Buffer) => (heard += bytes.toString("latin1")));
  });
  server.on("tlsClientError", () => handshakes++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    heard: () => heard,
    handshakes: () => handshakes,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
