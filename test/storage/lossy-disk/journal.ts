import { readFileSync } from "node:fs";

/** What a program did to its files, as lossy-disk.c wrote it down; the numbers are those of its record types. */
export type DiskRecord =
  | { type: "open" | "create"; inode: bigint; path: string }
  | { type: "write"; inode: bigint; offset: number; data: Buffer }
  | { type: "truncate"; inode: bigint; sizeBytes: number }
  | { type: "syncBegin" | "syncEnd" | "syncFailed"; inode: bigint; sync: number }
  | { type: "rename"; from: string; to: string }
  | { type: "unlink" | "mkdir"; path: string };

const TYPES = [
  null,
  "open",
  "create",
  "write",
  "truncate",
  "syncBegin",
  "syncEnd",
  "syncFailed",
  "rename",
  "unlink",
  "mkdir",
] as const;
const HEADER_BYTES = 32;

/** Each record with the journal's size once it was in it: a place in the journal is a moment of the program. */
export function* readJournal(path: string): Generator<{ record: DiskRecord; endOffset: number }> {
  const journal = readFileSync(path);
  for (let at = 0; at < journal.byteLength;) {
    const pathAt = at + HEADER_BYTES;
    const dataAt = pathAt + journal.readUInt32LE(at + 4);
    const endOffset = dataAt + Number(journal.readBigUInt64LE(at + 24));
    const path = journal.toString("utf8", pathAt, dataAt);
    const record = asRecord(journal, at, path, journal.subarray(dataAt, endOffset));
    yield { record, endOffset };
    at = endOffset;
  }
}

function asRecord(journal: Buffer, at: number, path: string, data: Buffer): DiskRecord {
  const type = TYPES[journal.readUInt32LE(at)];
  const inode = journal.readBigUInt64LE(at + 8);
  const number = Number(journal.readBigUInt64LE(at + 16));
  switch (type) {
    case "open":
    case "create":
      return { type, inode, path };
    case "write":
      return { type, inode, offset: number, data };
    case "truncate":
      return { type, inode, sizeBytes: number };
    case "syncBegin":
    case "syncEnd":
    case "syncFailed":
      return { type, inode, sync: number };
    case "rename": {
      const [from = "", to = ""] = path.split("\0");
      return { type, from, to };
    }
    case "unlink":
    case "mkdir":
      return { type, path };
    case null:
    case undefined:
      throw new Error(`the journal has a record of an unknown type at ${at}`);
    default:
      return type satisfies never;
  }
}
