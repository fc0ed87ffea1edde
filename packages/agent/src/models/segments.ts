/** What one connection fetches at a time: large enough that asking costs nothing, small enough to share a file among several. */
export const SEGMENT_BYTES = 32 * 1024 * 1024;
/** `0000000012345\n`: a line has a place of its own, so that one is changed without the others. */
const DIGITS = 13;
export const LINE_BYTES = DIGITS + 1;

/** How much of each segment of one file is on the disk, counted from the segment's beginning. */
export interface Segments {
  readonly sizeBytes: number;
  readonly segmentBytes: number;
  readonly doneBytes: number[];
}

export function newSegments(sizeBytes: number, segmentBytes = SEGMENT_BYTES): Segments {
  return { sizeBytes, segmentBytes, doneBytes: Array<number>(Math.ceil(sizeBytes / segmentBytes)).fill(0) };
}

export function segmentLength({ sizeBytes, segmentBytes }: Segments, index: number): number {
  return Math.min(segmentBytes, sizeBytes - index * segmentBytes);
}

export function isSegmentDone(segments: Segments, index: number): boolean {
  return segments.doneBytes[index] === segmentLength(segments, index);
}

/** Up to here all bytes are there. */
export function frontOf(segments: Segments): number {
  for (const [index, done] of segments.doneBytes.entries())
    if (done < segmentLength(segments, index)) return index * segments.segmentBytes + done;
  return segments.sizeBytes;
}

export function totalDone({ doneBytes }: Segments): number {
  return doneBytes.reduce((sum, bytes) => sum + bytes, 0);
}

/** Where the line of a segment is, behind that of the file itself. */
export function lineOffset(index: number): number {
  return (index + 1) * LINE_BYTES;
}

export function formatLine(bytes: number): string {
  return `${String(bytes).padStart(DIGITS, "0")}\n`;
}

export function formatSegments({ sizeBytes, doneBytes }: Segments): string {
  return [sizeBytes, ...doneBytes].map(formatLine).join("");
}

/** `null` where the text is not of a file of this size, or not whole. */
export function parseSegments(text: string, sizeBytes: number): Segments | null {
  const segments = newSegments(sizeBytes);
  const lines = text.split("\n");
  if (lines.length !== segments.doneBytes.length + 2 || Number(lines[0]) !== sizeBytes) return null;
  for (const index of segments.doneBytes.keys()) {
    const line = lines[index + 1] ?? "";
    const done = Number(line);
    if (!/^\d{13}$/.test(line) || done > segmentLength(segments, index)) return null;
    segments.doneBytes[index] = done;
  }
  return segments;
}
