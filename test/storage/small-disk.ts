import { spawnSync, type ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { startProgram, stop } from "../support/processes.ts";
import { scratchFolder } from "./scratch.ts";

const AS_ROOT_OF_ONES_OWN = process.geteuid?.() === 0 ? [] : ["--user", "--map-root-user"];

/** Why there can be no small disk here, or `null`. */
export function whyNoSmallDisk(): string | null {
  const { status, stderr, error } = spawnSync(
    "unshare",
    [...AS_ROOT_OF_ONES_OWN, "--mount", "sh", "-c", "mount -t tmpfs -o size=1m drover /mnt"],
    { encoding: "utf8" },
  );
  return status === 0 ? null : `a small file system cannot be mounted: ${error?.message ?? stderr.trim()}`;
}

/**
 * A file system of a few MiB that can really be full, in a mount namespace of its own: it is gone with the
 * processes in it, however a test ends, and nobody else ever sees it.
 */
export class SmallDisk {
  /** Where it is for a program that runs `within`. */
  readonly path: string;
  readonly within: readonly string[];
  /** Where it is for us. */
  readonly fromOutside: string;
  readonly #holder: ChildProcess;

  private constructor(path: string, holder: ChildProcess) {
    this.path = path;
    this.#holder = holder;
    const userNamespace = AS_ROOT_OF_ONES_OWN.length > 0 ? ["--user", "--preserve-credentials"] : [];
    this.within = ["nsenter", "--target", String(holder.pid), ...userNamespace, "--mount", "--"];
    this.fromOutside = `/proc/${holder.pid}/root${path}`;
  }

  static async mount(sizeBytes: number): Promise<SmallDisk> {
    const path = join(scratchFolder(), "disk");
    mkdirSync(path);
    const script = `mount -t tmpfs -o size=${sizeBytes} drover "$0" && echo mounted && exec sleep infinity`;
    const holder = startProgram("unshare", [...AS_ROOT_OF_ONES_OWN, "--mount", "sh", "-c", script, path]);
    await new Promise((resolve, reject) => {
      holder.stdout?.once("data", resolve);
      holder.once("close", () => reject(new Error("the small disk could not be mounted")));
    });
    return new SmallDisk(path, holder);
  }

  /** Takes every byte that is left. */
  fill(): void {
    const fd = openSync(join(this.fromOutside, "ballast"), "a");
    for (let bytes = 1024 * 1024; bytes > 0;) {
      try {
        if (writeSync(fd, Buffer.alloc(bytes)) < bytes) bytes = Math.floor(bytes / 2);
      } catch {
        bytes = Math.floor(bytes / 2);
      }
    }
    closeSync(fd);
  }

  free(): void {
    rmSync(join(this.fromOutside, "ballast"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stop(this.#holder, "SIGKILL");
    rmSync(join(this.path, ".."), { recursive: true });
  }
}
