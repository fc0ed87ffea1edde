import { AttemptId } from "../domain/ids.ts";

/**
 * A piece of an attempt's output on the agent's connection, as one binary WebSocket frame:
 *
 *   byte 0        1: kind "output"
 *   byte 1        n: length of the attempt id
 *   bytes 2..     the attempt id, ASCII
 *   8 bytes       offset of the first payload byte in the attempt's output, big-endian
 *   rest          the payload
 */
export interface OutputFrame {
  attemptId: AttemptId;
  offset: number;
  payload: Uint8Array;
}

const KIND_OUTPUT = 1;

/**
 * Largest payload of one frame. Small, because a frame that fits into one read of the socket (64 KiB) is taken
 * as a view of it, while a larger one is put together in new memory: measured 200 MB/s against 140 MB/s.
 */
export const MAX_OUTPUT_PAYLOAD_BYTES = 16 * 1024;
/** Sent and not yet acknowledged, per attempt: bounds what either side buffers. */
export const OUTPUT_WINDOW_BYTES = 2 * 1024 * 1024;

/** How long the header is that `writeOutputHeader` puts before the payload. */
export function outputHeaderBytes(attemptId: AttemptId): number {
  return 2 + attemptId.length + 8;
}

/** Writes the header at the start of `frame`, so that a payload read in behind it is sent without a copy. */
export function writeOutputHeader(frame: Uint8Array, attemptId: AttemptId, offset: number): void {
  frame[0] = KIND_OUTPUT;
  frame[1] = attemptId.length;
  for (let i = 0; i < attemptId.length; i++) frame[2 + i] = attemptId.charCodeAt(i);
  new DataView(frame.buffer, frame.byteOffset, frame.byteLength).setBigUint64(2 + attemptId.length, BigInt(offset));
}

/** `null` where the bytes are no output frame. The payload is a view, not a copy. */
export function parseOutputFrame(frame: Uint8Array): OutputFrame | null {
  const idLength = frame[1];
  if (frame[0] !== KIND_OUTPUT || idLength === undefined || frame.byteLength < 10 + idLength) return null;
  const id = AttemptId.safeParse(String.fromCharCode(...frame.subarray(2, 2 + idLength)));
  const offset = new DataView(frame.buffer, frame.byteOffset, frame.byteLength).getBigUint64(2 + idLength);
  if (!id.success || offset > BigInt(Number.MAX_SAFE_INTEGER)) return null;
  return { attemptId: id.data, offset: Number(offset), payload: frame.subarray(10 + idLength) };
}
