import { mkdirSync, statfsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { runCommand } from "./commands.ts";
import type { Janitor } from "./janitor.ts";

const LOOK_EVERY_MS = 100;
/** How long after it was freed a full disk may still end a daemon: one that was just starting. */
const AFTERMATH_MS = 1_000;

/** A small file system of a daemon's own, in memory, that can be full. */
export interface Disk {
  readonly folder: string;
  /** A daemon that ends now may have ended because of it. */
  readonly wasFullJustNow: boolean;
  fill(): void;
  free(): Promise<void>;
}

export async function mountDisk(folder: string, sizeBytes: number, janitor: Janitor): Promise<Disk> {
  mkdirSync(folder, { recursive: true });
  janitor.willRun(["umount", folder]);
  await runCommand(["mount", "-t", "tmpfs", "-o", `size=${sizeBytes},mode=0700`, "chaos", folder]);
  let isFull = false;
  let freedAtMs = -Infinity;
  let filling: Promise<void> = Promise.resolve();

  /** As large as what lies on it: full to the last page, without anybody writing hundreds of megabytes. */
  async function shrink(): Promise<void> {
    const { blocks, bfree, bsize } = statfsSync(folder);
    // Refused where something was written in between; then the next look does it.
    if (bfree > 0) await resize((blocks - bfree) * bsize).catch(() => {});
  }

  /** What is deleted meanwhile makes no room: whatever filled the disk goes on. */
  async function keepFull(): Promise<void> {
    while (isFull) {
      await shrink();
      await delay(LOOK_EVERY_MS);
    }
  }

  const resize = (bytes: number): Promise<void> => runCommand(["mount", "-o", `remount,size=${bytes}`, folder]);

  return {
    folder,
    get wasFullJustNow() {
      return isFull || performance.now() - freedAtMs < AFTERMATH_MS;
    },
    fill() {
      if (isFull) return;
      isFull = true;
      filling = keepFull();
    },
    async free() {
      if (!isFull) return;
      isFull = false;
      await filling;
      await resize(sizeBytes);
      freedAtMs = performance.now();
    },
  };
}

/** Where no file system may be mounted: a folder that is never full. */
export function plainFolder(folder: string): Disk {
  mkdirSync(folder, { recursive: true });
  return { folder, wasFullJustNow: false, fill: () => {}, free: () => Promise.resolve() };
}
