import { statfs } from "node:fs/promises";
import type { Clock } from "@drover/shared/clock.ts";
import type { Disk } from "@drover/shared/domain/machine.ts";
import { NO_RATES, readDiskRates } from "./disk-rates.ts";
import type { MachineFiles } from "./machine-files.ts";
import { parseMounts, type Mount } from "./parse/mounts.ts";
import type { RunTool } from "./run-tool.ts";

/** A network volume whose server is gone answers never; the others are reported without it. */
const STATFS_TIMEOUT_MS = 3_000;

export interface DiskReading {
  disks: Disk[];
  warnings: string[];
}

export interface DiskSources {
  files: MachineFiles;
  dataDir: string | null;
  run: RunTool;
  clock: Clock;
  /** How fast the one with the data directory is, if that is not known yet. */
  mayMeasure: boolean;
}

export async function readDisks({ files, dataDir, run, clock, mayMeasure }: DiskSources): Promise<DiskReading> {
  const mounts = parseMounts(files.read("/proc/self/mountinfo") ?? "");
  const holder = mounts
    .filter(({ mount }) => dataDir !== null && (mount === "/" || dataDir === mount || dataDir.startsWith(`${mount}/`)))
    .toSorted((a, b) => b.mount.length - a.mount.length)[0];
  const reading: DiskReading = { disks: [], warnings: [] };
  // Local ones first: libuv has four threads for this, and a dead network volume keeps one for ever.
  for (const mount of mounts.toSorted((a, b) => Number(a.isNetwork) - Number(b.isNetwork))) {
    const disk = await readDisk(mount, mount === holder, clock);
    if (typeof disk === "string") reading.warnings.push(`${mount.mount}: ${disk}`);
    else if (disk.sizeBytes > 0) {
      const { source, freeBytes } = disk;
      const rates =
        dataDir !== null && disk.holdsDataDir
          ? await readDiskRates({ dataDir, source, freeBytes, mayMeasure, run, clock })
          : NO_RATES;
      reading.disks.push({ ...disk, ...rates });
    }
  }
  return reading;
}

/** What went wrong, where something did. */
function readDisk(mount: Mount, holdsDataDir: boolean, clock: Clock): Promise<Disk | string> {
  return new Promise((resolve) => {
    const cancel = clock.callAfter(STATFS_TIMEOUT_MS, () => resolve("does not answer"));
    statfs(mount.mount)
      .then(
        ({ blocks, bavail, bsize }) =>
          resolve({ ...mount, ...NO_RATES, sizeBytes: blocks * bsize, freeBytes: bavail * bsize, holdsDataDir }),
        (error: unknown) => resolve(error instanceof Error ? error.message : String(error)),
      )
      .finally(cancel);
  });
}
