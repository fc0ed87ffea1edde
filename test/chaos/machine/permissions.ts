import { missingCapabilities, missingTools } from "../../support/missing-tools.ts";

/** Bits of CapEff: capabilities(7). */
const CAP_NET_ADMIN = 12;
const CAP_SYS_ADMIN = 21;

/** The program, and the Debian package that has it. */
const NAMESPACE_TOOLS = { ip: "iproute2", nft: "nftables", nsenter: "util-linux" } as const;

/** What keeps this process from making network namespaces and faults in them; nothing where it can. */
export function missingForNamespaces(): string[] {
  return [...missingCapabilities({ CAP_NET_ADMIN, CAP_SYS_ADMIN }), ...missingTools(NAMESPACE_TOOLS)];
}

/** What keeps this process from mounting small disks that can be filled. */
export function missingForDisks(): string[] {
  return missingCapabilities({ CAP_SYS_ADMIN });
}
