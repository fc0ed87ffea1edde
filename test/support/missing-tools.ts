import { accessSync, constants, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Those that this process does not hold; `wanted` has their bits in CapEff: capabilities(7). */
export function missingCapabilities(wanted: Readonly<Record<string, number>>): string[] {
  const mask = /^CapEff:\s+([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "0";
  const held = BigInt(`0x${mask}`);
  return Object.entries(wanted).flatMap(([name, bit]) => ((held >> BigInt(bit)) & 1n ? [] : [name]));
}

/** Those that are not in the PATH; `wanted` has the Debian package of each program. */
export function missingTools(wanted: Readonly<Record<string, string>>): string[] {
  return Object.entries(wanted).flatMap(([tool, debianPackage]) =>
    isInPath(tool) ? [] : [`the program ${tool} (Debian package ${debianPackage})`],
  );
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
