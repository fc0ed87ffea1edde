/**
 * Buffers of one frame each, used again once a frame has left. A new quarter of a MiB per frame would be garbage
 * outside the JavaScript heap, which the collector is slow to notice: at full speed the agent would grow by tens
 * of MiB between two collections.
 */
export interface FramePool {
  take(): Uint8Array;
  giveBack(frame: Uint8Array): void;
}

export function createFramePool(frameBytes: number, maxKept: number): FramePool {
  const free: Uint8Array[] = [];
  return {
    take: () => free.pop() ?? Buffer.allocUnsafeSlow(frameBytes),
    giveBack(frame) {
      if (free.length < maxKept) free.push(frame);
    },
  };
}
