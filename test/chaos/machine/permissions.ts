import { accessSync, constants, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Bits of CapEff: capabilities(7). */
const CAP_NET_ADMIN = 12;
const CAP_SYS_ADMIN = 21;

/** The program, and the Debian package that has it. */
const NAMESPACE_TOOLS = { ip: "iproute2", nft: "nftables", nsenter: "util-linux" } as const;

/** What keeps this process from making network namespaces and faults in them; nothing where it can. */
export function missingForNamespaces(): string[] {
  return [
    ...missingCapabilities({ CAP_NET_ADMIN, CAP_SYS_ADMIN }),
    ...Object.entries(NAMESPACE_TOOLS).flatMap(([tool, debianPackage]) =>
      isInPath(tool) ? [] : [`the program ${tool} (Debian package ${debianPackage})`],
    ),
  ];
}

/** What keeps this process from mounting small disks that can be filled. */
export function missingForDisks(): string[] {
  return missingCapabilities({ CAP_SYS_ADMIN });
}

function missingCapabilities(wanted: Readonly<Record<string, number>>): string[] {
  const mask = /^CapEff:\s+([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "0";
  const held = BigInt(`0x${mask}`);
  return Object.entries(wanted).flatMap(([name, bit]) => ((held >> BigInt(bit)) & 1n ? [] : [name]));
}

function isInPath(program: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
