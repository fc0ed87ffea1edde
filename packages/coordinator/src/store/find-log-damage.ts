import { existsSync, readFileSync } from "node:fs";

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** The last bit says in which byte order the checksums were made. */
const MAGIC = 0x377f0682;
const USUAL_PAGE_BYTES = 4096;

interface Sum {
  a: number;
  b: number;
}

/** Of https://www.sqlite.org/fileformat2.html#the_write_ahead_log: a header, then frames of one page each. */
interface Log {
  bytes: Buffer;
  isBigEndian: boolean;
  pageBytes: number;
  frameCount: number;
}

/**
 * Says what is wrong with a log that a crash left, or `null`. SQLite takes the log over up to the first frame
 * whose checksum is wrong and says nothing of what comes after, because after a power cut that is how an
 * unfinished commit looks: it may be torn, and is always the last. So if behind the wrong frame a commit is
 * followed by another one, this is no tear: what is there had been acknowledged and would be lost.
 */
export function findLogDamage(file: string): string | null {
  if (!existsSync(file)) return null;
  const log = readLog(readFileSync(file));
  const wholeCount = countWholeFrames(log);
  for (let frame = wholeCount; frame + 1 < log.frameCount; frame++) {
    if (isCommit(log, frame) && isOfThisLog(log, frame) && follows(log, frame)) {
      return `commits behind the ${wholeCount + 1}th frame of its log cannot be read`;
    }
  }
  return null;
}

function readLog(bytes: Buffer): Log {
  const isBigEndian = bytes.byteLength >= HEADER_BYTES && bytes.readUInt32BE(0) === MAGIC + 1;
  const log = { bytes, isBigEndian, pageBytes: USUAL_PAGE_BYTES, frameCount: 0 };
  if (hasWholeHeader(log)) log.pageBytes = bytes.readUInt32BE(8);
  log.frameCount = Math.floor((bytes.byteLength - HEADER_BYTES) / (FRAME_HEADER_BYTES + log.pageBytes));
  return log;
}

function hasWholeHeader(log: Log): boolean {
  const { bytes } = log;
  if (bytes.byteLength < HEADER_BYTES || (bytes.readUInt32BE(0) & ~1) >>> 0 !== MAGIC) return false;
  return isEqual(summed(log, { a: 0, b: 0 }, 0, 24), storedSum(log, 24));
}

function countWholeFrames(log: Log): number {
  if (!hasWholeHeader(log)) return 0;
  let sum = storedSum(log, 24);
  for (let frame = 0; frame < log.frameCount; frame++) {
    sum = sumOfFrame(log, frame, sum);
    if (!isOfThisLog(log, frame) || !isEqual(sum, storedSum(log, frameAt(log, frame) + 16))) return frame;
  }
  return Math.max(0, log.frameCount);
}

/** The next frame was written after this one, by a writer for whom this one was committed. */
function follows(log: Log, frame: number): boolean {
  const [at, nextAt] = [frameAt(log, frame), frameAt(log, frame + 1)];
  const saltsAreEqual = log.bytes.compare(log.bytes, at + 8, at + 16, nextAt + 8, nextAt + 16) === 0;
  return saltsAreEqual && isEqual(sumOfFrame(log, frame + 1, storedSum(log, at + 16)), storedSum(log, nextAt + 16));
}

/** Not what is left of an earlier round of the file; with a header that cannot be read nobody can tell. */
function isOfThisLog(log: Log, frame: number): boolean {
  const at = frameAt(log, frame);
  return !hasWholeHeader(log) || log.bytes.compare(log.bytes, 16, 24, at + 8, at + 16) === 0;
}

function isCommit(log: Log, frame: number): boolean {
  return log.bytes.readUInt32BE(frameAt(log, frame) + 4) !== 0;
}

function frameAt(log: Log, frame: number): number {
  return HEADER_BYTES + frame * (FRAME_HEADER_BYTES + log.pageBytes);
}

function sumOfFrame(log: Log, frame: number, before: Sum): Sum {
  const at = frameAt(log, frame);
  const ofHeader = summed(log, before, at, at + 8);
  return summed(log, ofHeader, at + FRAME_HEADER_BYTES, at + FRAME_HEADER_BYTES + log.pageBytes);
}

function summed({ bytes, isBigEndian }: Log, before: Sum, begin: number, end: number): Sum {
  let { a, b } = before;
  for (let at = begin; at < end; at += 8) {
    const first = isBigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);
    const second = isBigEndian ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4);
    a = (a + first + b) >>> 0;
    b = (b + second + a) >>> 0;
  }
  return { a, b };
}

function storedSum({ bytes }: Log, at: number): Sum {
  return { a: bytes.readUInt32BE(at), b: bytes.readUInt32BE(at + 4) };
}

function isEqual(one: Sum, other: Sum): boolean {
  return one.a === other.a && one.b === other.b;
}
