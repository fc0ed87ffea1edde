import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { missingCapabilities, missingTools } from "../support/missing-tools.ts";

const ROOT = dirname(dirname(import.meta.dirname));
const TREE = join(ROOT, ".drover/machines/bookworm");

/** What a stock Debian has and its smallest form lacks. */
const PACKAGES = ["systemd", "systemd-sysv", "dbus", "ca-certificates", "wget"];

/** What keeps this process from booting a machine; nothing where it can. */
export function missingForMachines(): string[] {
  return [
    ...missingCapabilities({ CAP_SYS_ADMIN: 21, CAP_SYS_CHROOT: 18 }),
    ...missingTools({
      debootstrap: "debootstrap",
      nsenter: "util-linux",
      "systemd-nspawn": "systemd-container",
    }),
  ];
}

/** The files of a small Debian with systemd, made once (about 40 s) and never written to. */
export function debianTree(): string {
  if (!existsSync(TREE)) {
    mkdirSync(dirname(TREE), { recursive: true });
    // Beside its place and then renamed: one that was cut off is never taken for a whole one.
    const incoming = `${TREE}.${process.pid}`;
    const words = ["--variant=minbase", `--include=${PACKAGES.join(",")}`, "bookworm", incoming];
    const made = spawnSync("debootstrap", words, { encoding: "utf8", maxBuffer: 2 ** 26 });
    if (made.status !== 0) {
      rmSync(incoming, { recursive: true, force: true });
      throw new Error(`debootstrap failed: ${made.stdout.slice(-2000)} ${made.stderr}`);
    }
    renameSync(incoming, TREE);
  }
  return TREE;
}
