import type { MachineFiles } from "../probe/machine-files.ts";

/** A machine that has these files and no others. */
export function someFiles(texts: Readonly<Record<string, string>>): MachineFiles {
  return {
    read: (path) => texts[path] ?? null,
    list(path) {
      const below = Object.keys(texts).filter((file) => file.startsWith(`${path}/`));
      return [...new Set(below.map((file) => file.slice(path.length + 1).split("/")[0] ?? ""))];
    },
  };
}
