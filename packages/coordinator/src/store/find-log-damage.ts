import { closeSync, existsSync, openSync, readSync } from "node:fs";

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** The last bit says in which byte order the checksums were made. */
const MAGIC = 0x377f0682;
const USUAL_PAGE_BYTES = 4096;

/** Runs on from the header through all frames, so that a frame also tells which one was written before it. */
interface Sum {
  a: number;
  b: number;
}

/** See https://www.sqlite.org/fileformat2.html#the_write_ahead_log: a header, then frames of a page each. */
interface Header {
  isBigEndian: boolean;
  pageBytes: number;
  /** What its frames have in common; `null` where the header cannot be read, and nobody can tell. */
  salts: string | null;
  sum: Sum | null;
}

interface Frame {
  isCommit: boolean;
  salts: string;
  storedSum: Sum;
  /** What the sum is, if the one before it was so. */
  sumAfter(before: Sum): Sum;
}

/**
 * Says what is wrong with a log that a crash left, or `null`. SQLite takes the log over up to the first frame
 * whose checksum is wrong and says nothing of what comes after, because after a power cut that is how an
 * unfinished commit looks: it may be torn, and is always the last. So if behind the wrong frame a commit is
 * followed by another one, this is no tear: what is there had been acknowledged and would be lost.
 */
export function findLogDamage(file: string): string | null {
  if (!existsSync(file)) return null;
  const fd = openSync(file, "r");
  try {
    const header = readHeader(fd);
    let sum = header.sum;
    let wholeCount = 0;
    let before: Frame | null = null;
    for (const frame of readFrames(fd, header)) {
      if (before && isAcknowledged(before, frame))
        return `commits behind frame ${wholeCount} of its log cannot be read`;
      const wanted: Sum | null = sum && frame.salts === header.salts ? frame.sumAfter(sum) : null;
      sum = wanted && isEqual(wanted, frame.storedSum) ? wanted : null;
      if (sum) wholeCount++;
      // Not what is left of an earlier round through the file.
      else before = header.salts === null || frame.salts === header.salts ? frame : null;
    }
    return null;
  } finally {
    closeSync(fd);
  }
}

/** The next frame was written behind this one, which for its writer was a finished commit. */
function isAcknowledged(frame: Frame, next: Frame): boolean {
  return frame.isCommit && frame.salts === next.salts && isEqual(next.sumAfter(frame.storedSum), next.storedSum);
}

function readHeader(fd: number): Header {
  const bytes = Buffer.alloc(HEADER_BYTES);
  readSync(fd, bytes, 0, HEADER_BYTES, 0);
  const isBigEndian = bytes.readUInt32BE(0) === MAGIC + 1;
  const sum = { a: bytes.readUInt32BE(24), b: bytes.readUInt32BE(28) };
  const isWhole =
    (bytes.readUInt32BE(0) & ~1) >>> 0 === MAGIC &&
    isEqual(sum, summed({ a: 0, b: 0 }, bytes.subarray(0, 24), isBigEndian));
  if (!isWhole) return { isBigEndian, pageBytes: USUAL_PAGE_BYTES, salts: null, sum: null };
  return { isBigEndian, pageBytes: bytes.readUInt32BE(8), salts: bytes.toString("hex", 16, 24), sum };
}

function* readFrames(fd: number, { isBigEndian, pageBytes }: Header): Generator<Frame> {
  const frameBytes = FRAME_HEADER_BYTES + pageBytes;
  for (let at = HEADER_BYTES; ; at += frameBytes) {
    const bytes = Buffer.alloc(frameBytes);
    if (readSync(fd, bytes, 0, frameBytes, at) < frameBytes) return;
    yield {
      isCommit: bytes.readUInt32BE(4) !== 0,
      salts: bytes.toString("hex", 8, 16),
      storedSum: { a: bytes.readUInt32BE(16), b: bytes.readUInt32BE(20) },
      sumAfter(before) {
        const ofHeader = summed(before, bytes.subarray(0, 8), isBigEndian);
        return summed(ofHeader, bytes.subarray(FRAME_HEADER_BYTES), isBigEndian);
      },
    };
  }
}

function summed(before: Sum, bytes: Buffer, isBigEndian: boolean): Sum {
  let { a, b } = before;
  for (let at = 0; at < bytes.byteLength; at += 8) {
    const first = isBigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);
    const second = isBigEndian ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4);
    a = (a + first + b) >>> 0;
    b = (b + second + a) >>> 0;
  }
  return { a, b };
}

function isEqual(one: Sum, other: Sum): boolean {
  return one.a === other.a && one.b === other.b;
}
