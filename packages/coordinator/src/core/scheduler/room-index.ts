import { WHOLE_GPU_MILLI } from "@drover/shared/domain/resources.ts";
import type { Demand } from "./demand.ts";
import type { Room } from "./room.ts";

/**
 * The numbers that rule most nodes out, side by side in memory: five million looks at 10,000 nodes take 30 ms here, and
 * a second in the nodes themselves, which lie all over the heap.
 */
export class RoomIndex {
  #cpuMilli = new Float64Array(64);
  #memoryBytes = new Float64Array(64);
  /** Of the GPU of which the most is free. */
  #mostMilli = new Uint16Array(64);
  #wholeCount = new Uint16Array(64);

  note(slot: number, room: Readonly<Room>): void {
    if (slot >= this.#cpuMilli.length) this.#grow();
    let mostMilli = 0;
    let wholeCount = 0;
    for (const { devices } of room.groups) {
      for (const { freeMilli } of devices) {
        if (freeMilli > mostMilli) mostMilli = freeMilli;
        if (freeMilli === WHOLE_GPU_MILLI) wholeCount++;
      }
    }
    this.#cpuMilli[slot] = room.cpuMilli;
    this.#memoryBytes[slot] = room.memoryBytes;
    this.#mostMilli[slot] = mostMilli;
    this.#wholeCount[slot] = wholeCount;
  }

  /** Where this says no, there is no room. */
  mayFit(slot: number, demand: Demand): boolean {
    return (
      demand.cpuMilli <= (this.#cpuMilli[slot] as number) &&
      demand.memoryBytes <= (this.#memoryBytes[slot] as number) &&
      demand.leastMilli <= (this.#mostMilli[slot] as number) &&
      demand.wholeCount <= (this.#wholeCount[slot] as number)
    );
  }

  #grow(): void {
    const length = this.#cpuMilli.length * 2;
    this.#cpuMilli = copyInto(new Float64Array(length), this.#cpuMilli);
    this.#memoryBytes = copyInto(new Float64Array(length), this.#memoryBytes);
    this.#mostMilli = copyInto(new Uint16Array(length), this.#mostMilli);
    this.#wholeCount = copyInto(new Uint16Array(length), this.#wholeCount);
  }
}

function copyInto<T extends Float64Array | Uint16Array>(larger: T, values: T): T {
  larger.set(values);
  return larger;
}
