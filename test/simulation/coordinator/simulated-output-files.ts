import type { OutputFiles } from "@drover/coordinator/output/output-files.ts";
import type { Disk } from "../world/disk.ts";
import type { Process } from "../world/process.ts";
import type { Random } from "../world/random.ts";

const LATIN1 = new TextDecoder("latin1");
/** The kernel may take less than it is given. */
const SHORT_WRITE_CHANCE = 0.05;

/** The coordinator's disk as its output store sees it. */
export function outputFilesOf(disk: Disk, process: Process, random: Random, slowestMs: number): OutputFiles {
  const paths = new Map<number, string>();
  let lastFd = 2;
  const later = <T>(act: () => T): Promise<T> =>
    new Promise((resolve, reject) => {
      process.mustLive();
      process.after(random.magnitude(0.05, slowestMs), () => {
        try {
          resolve(process.effect(act));
        } catch (error) {
          process.mustLive();
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
  const open = (path: string): number => {
    paths.set(++lastFd, path);
    return lastFd;
  };
  const pathOf = (fd: number): string => {
    const path = paths.get(fd);
    if (path === undefined) throw Object.assign(new Error(`EBADF: ${fd}`), { code: "EBADF" });
    return path;
  };

  return {
    makeDirectory: (path) => process.effect(() => disk.makeDirectory(path, true)),
    sizeOf: (path) => (disk.read(path) ?? "").length,
    empty: (path) => process.effect(() => disk.write(path, "")),
    openForWriting(path) {
      if (!disk.exists(path)) process.effect(() => disk.write(path, ""));
      return open(path);
    },
    openForReading: open,
    close: (fd) => void paths.delete(fd),
    write: (fd, chunks, position) =>
      later(() => {
        const path = pathOf(fd);
        const whole = chunks.map((chunk) => LATIN1.decode(chunk)).join("");
        const text = random.chance(SHORT_WRITE_CHANCE) ? whole.slice(0, random.between(1, whole.length)) : whole;
        const before = disk.read(path) ?? "";
        disk.write(path, before.slice(0, position) + text + before.slice(position + text.length));
        return text.length;
      }),
    read: (fd, buffer, position) =>
      later(() => {
        const text = (disk.read(pathOf(fd)) ?? "").slice(position, position + buffer.byteLength);
        for (let i = 0; i < text.length; i++) buffer[i] = text.charCodeAt(i);
        return text.length;
      }),
    sync: (path) => later(() => disk.sync(path)),
  };
}
