import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** The files in which a machine describes itself: /proc, /sys, /etc. */
export interface MachineFiles {
  /** `null` where there is none, or none that we may read. */
  read(path: string): string | null;
  /** The names in a directory; `[]` where there is none. */
  list(path: string): string[];
}

/** `root` is another one than `/` in tests, which hold copies of other machines' files. */
export function createMachineFiles(root = "/"): MachineFiles {
  return {
    read(path) {
      try {
        return readFileSync(join(root, path), "utf8");
      } catch {
        return null;
      }
    },
    list(path) {
      try {
        return readdirSync(join(root, path));
      } catch {
        return [];
      }
    },
  };
}
