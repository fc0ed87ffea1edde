import type { FileSystem } from "@drover/agent/machine/file-system.ts";
import type { Process } from "../world/process.ts";
import type { NodeMachine } from "./node-machine.ts";

/** The machine's disk and /proc as one process of it sees them; every change is an effect that may be its last. */
export function filesOf(machine: NodeMachine, process: Process): FileSystem {
  const { name, disk, processes, clock, observer } = machine;
  const look = <T>(read: () => T): T => {
    process.mustLive();
    return read();
  };
  const mayFail = <T>(path: string, read: () => T): T => {
    process.mustLive();
    if (machine.readFailures <= 0) return read();
    machine.readFailures--;
    throw Object.assign(new Error(`EMFILE: ${path}`), { code: "EMFILE" });
  };
  const change = <T>(act: () => T): T => process.effect(act);
  return {
    makeDirectory: (path, { recursive = false }) => change(() => disk.makeDirectory(path, recursive)),
    exists: (path) => look(() => disk.exists(path)),
    sizeOf: (path) => look(() => disk.sizeOf(path)),
    readText: (path) => mayFail(path, () => (path.startsWith("/proc/") ? processes.read(path) : disk.read(path))),
    list: (path) => look(() => (path === "/proc" ? processes.pids() : disk.list(path))),
    writeText(path, text, { sync = false }) {
      // open(2) with O_TRUNC first, the bytes later: who dies in between leaves an empty file.
      change(() => disk.write(path, ""));
      change(() => disk.write(path, text));
      if (sync) change(() => disk.sync(path));
    },
    syncDirectory: (directory) => change(() => disk.sync(directory)),
    rename: (path, newPath) => change(() => disk.rename(path, newPath)),
    link: (path, newPath) => change(() => disk.link(path, newPath)),
    removeFile: (path) => change(() => disk.removeFile(path)),
    removeDirectory: (path) => change(() => disk.removeDirectory(path)),

    openForReading(path) {
      if (!look(() => disk.exists(path))) return null;
      return {
        sizeBytes: () => look(() => disk.sizeOf(path) ?? 0),
        read: (target, targetStart, offset) =>
          look(() => {
            const text = (disk.read(path) ?? "").slice(offset, offset + target.byteLength - targetStart);
            for (let i = 0; i < text.length; i++) target[targetStart + i] = text.charCodeAt(i);
            return text.length;
          }),
        close: () => {},
      };
    },

    openForOverwriting(path, initialText) {
      if (!look(() => disk.exists(path))) change(() => disk.write(path, ""));
      if ((disk.sizeOf(path) ?? 0) < initialText.length) change(() => disk.write(path, initialText));
      return {
        overwrite(text) {
          change(() => disk.write(path, text));
          // The lease is all that is kept in this way.
          observer.onLeaseWritten(name, clock.trueTimeOf(Number.parseInt(text, 10)));
        },
        close: () => {},
      };
    },
  };
}
