import type { Clock } from "@drover/shared/clock.ts";
import type { AttemptId } from "@drover/shared/domain/ids.ts";
import {
  MAX_OUTPUT_PAYLOAD_BYTES,
  OUTPUT_WINDOW_BYTES,
  outputHeaderBytes,
  writeOutputHeader,
} from "@drover/shared/protocol/output-frame.ts";
import type { ReadableFile } from "../machine/file-system.ts";
import { createFramePool } from "./frame-pool.ts";

/** Sent and not acknowledged, over all attempts: what a coordinator that stops answering can make us hold. */
const TOTAL_WINDOW_BYTES = 8 * 1024 * 1024;
/** Handed to the socket and not yet taken by the kernel: more would only stand in front of the next heartbeat. */
const MAX_SOCKET_BUFFER_BYTES = 1024 * 1024;
const MIN_POLL_MS = 25;
const MAX_POLL_MS = 500;
/** The coordinator could not store it; its disk will not be larger at once. */
const RESEND_AFTER_MS = 500;
const READ_AGAIN_AFTER_MS = 1_000;
const FRAME_BYTES = 2 + 255 + 8 + MAX_OUTPUT_PAYLOAD_BYTES;

/** Where the frames go. */
export interface OutputChannel {
  isOpen(): boolean;
  /** Taken and not yet gone to the kernel. */
  bufferedBytes(): number;
  /** `onFlushed`: the frame's memory may be used again. */
  sendOutput(frame: Uint8Array, onFlushed: () => void): void;
}

export interface ShipperPorts {
  channel: OutputChannel;
  openOutput(attemptId: AttemptId): ReadableFile | null;
  clock: Clock;
  onAcknowledged(attemptId: AttemptId): void;
  /** The file is there and cannot be read; it is tried again. */
  onReadFailed(attemptId: AttemptId, reason: string): void;
}

interface Tail {
  readonly attemptId: AttemptId;
  file: ReadableFile | null;
  /** The size as last seen, or the final size. */
  sizeBytes: number;
  sentBytes: number;
  acknowledgedBytes: number;
  finished: boolean;
  pollMs: number;
  cancelTimer: (() => void) | null;
}

/** Sends each attempt's output from its file, in order, and again from where the coordinator says. */
export class OutputShipper {
  readonly #ports: ShipperPorts;
  readonly #pool = createFramePool(FRAME_BYTES, TOTAL_WINDOW_BYTES / MAX_OUTPUT_PAYLOAD_BYTES);
  readonly #tails = new Map<AttemptId, Tail>();
  /** Those with bytes to send, in the order of their turns. */
  readonly #ready = new Set<Tail>();
  #inFlightBytes = 0;

  constructor(ports: ShipperPorts) {
    this.#ports = ports;
  }

  /** The attempt runs: look at its output from now on. */
  track(attemptId: AttemptId): void {
    if (!this.#tails.has(attemptId)) this.#lookLater(this.#add(attemptId));
  }

  /** It has ended and wrote this much; yields how much of that is really there. */
  finish(attemptId: AttemptId, outputBytes: number): number {
    const known = this.#tails.get(attemptId);
    // The common silent attempt costs no look at its file.
    if (outputBytes === 0 && (known?.acknowledgedBytes ?? 0) === 0) {
      this.drop(attemptId);
      return 0;
    }
    const tail = known ?? this.#add(attemptId);
    tail.cancelTimer?.();
    tail.cancelTimer = null;
    tail.file ??= this.#ports.openOutput(attemptId);
    tail.finished = true;
    // Less than recorded where a task or a power loss cut the file; never less than what was stored already.
    tail.sizeBytes = Math.max(tail.acknowledgedBytes, Math.min(outputBytes, tail.file?.sizeBytes() ?? 0));
    this.#ready.add(tail);
    this.#pump();
    return tail.sizeBytes;
  }

  drop(attemptId: AttemptId): void {
    const tail = this.#tails.get(attemptId);
    if (tail === undefined) return;
    this.#rewind(tail, 0);
    tail.cancelTimer?.();
    tail.file?.close();
    this.#tails.delete(attemptId);
  }

  acknowledgedBytes(attemptId: AttemptId): number {
    return this.#tails.get(attemptId)?.acknowledgedBytes ?? 0;
  }

  /** A new connection: the coordinator holds this much of each, and nothing of those it does not name. */
  resume(offsets: Readonly<Record<string, number>>): void {
    for (const tail of this.#tails.values()) {
      this.#rewind(tail, offsets[tail.attemptId] ?? 0);
      this.#ready.add(tail);
      this.#ports.onAcknowledged(tail.attemptId);
    }
    this.#pump();
  }

  onAck(attemptId: AttemptId, offset: number): void {
    const tail = this.#tails.get(attemptId);
    if (tail === undefined) return;
    // An acknowledgement that a rewind has overtaken may state more than was sent since.
    const progressBytes = Math.min(offset, tail.sentBytes) - tail.acknowledgedBytes;
    if (progressBytes <= 0) return;
    tail.acknowledgedBytes += progressBytes;
    this.#inFlightBytes -= progressBytes;
    if (tail.sizeBytes > tail.sentBytes && tail.cancelTimer === null) this.#ready.add(tail);
    this.#ports.onAcknowledged(attemptId);
    this.#pump();
  }

  /** What was sent from this offset on could not be stored. */
  onResend(attemptId: AttemptId, offset: number): void {
    const tail = this.#tails.get(attemptId);
    if (tail === undefined || offset >= tail.sentBytes) return;
    this.#rewind(tail, offset);
    this.#sendLater(tail, RESEND_AFTER_MS);
  }

  stop(): void {
    for (const attemptId of this.#tails.keys()) this.drop(attemptId);
  }

  #add(attemptId: AttemptId): Tail {
    const tail: Tail = {
      attemptId,
      file: null,
      sizeBytes: 0,
      sentBytes: 0,
      acknowledgedBytes: 0,
      finished: false,
      pollMs: MIN_POLL_MS,
      cancelTimer: null,
    };
    this.#tails.set(attemptId, tail);
    return tail;
  }

  /** Sends what the windows and the socket allow, one frame of each attempt in turn. */
  #pump(): void {
    const { channel } = this.#ports;
    for (const tail of this.#ready) {
      if (!channel.isOpen() || channel.bufferedBytes() >= MAX_SOCKET_BUFFER_BYTES) return;
      if (this.#inFlightBytes >= TOTAL_WINDOW_BYTES) return;
      this.#ready.delete(tail);
      // Behind all others (a Set that is being walked is walked to its new end), so that none starves.
      if (this.#sendFrame(tail)) this.#ready.add(tail);
    }
  }

  /** False where nothing of it may be sent now: an acknowledgement or the next look at its file goes on with it. */
  #sendFrame(tail: Tail): boolean {
    const windowBytes = OUTPUT_WINDOW_BYTES - (tail.sentBytes - tail.acknowledgedBytes);
    const wantedBytes = Math.min(MAX_OUTPUT_PAYLOAD_BYTES, windowBytes, tail.sizeBytes - tail.sentBytes);
    if (wantedBytes <= 0) {
      if (tail.sentBytes >= tail.sizeBytes) this.#lookLater(tail);
      return false;
    }
    const headerBytes = outputHeaderBytes(tail.attemptId);
    const frame = this.#pool.take();
    const readBytes = this.#read(tail, frame.subarray(0, headerBytes + wantedBytes), headerBytes);
    if (readBytes === 0) {
      this.#pool.giveBack(frame);
      this.#sendLater(tail, READ_AGAIN_AFTER_MS);
      return false;
    }
    writeOutputHeader(frame, tail.attemptId, tail.sentBytes);
    tail.sentBytes += readBytes;
    this.#inFlightBytes += readBytes;
    this.#ports.channel.sendOutput(frame.subarray(0, headerBytes + readBytes), () => {
      this.#pool.giveBack(frame);
      this.#pump();
    });
    return true;
  }

  /** 0 where the file is shorter than it was, because its task cut it, or where the disk fails. */
  #read(tail: Tail, frame: Uint8Array, headerBytes: number): number {
    try {
      return tail.file?.read(frame, headerBytes, tail.sentBytes) ?? 0;
    } catch (error) {
      this.#ports.onReadFailed(tail.attemptId, `cannot read its output: ${String(error)}`);
      return 0;
    }
  }

  #sendLater(tail: Tail, delayMs: number): void {
    tail.cancelTimer?.();
    tail.cancelTimer = this.#ports.clock.callAfter(delayMs, () => {
      tail.cancelTimer = null;
      this.#ready.add(tail);
      this.#pump();
    });
  }

  #lookLater(tail: Tail): void {
    if (tail.finished) return;
    tail.cancelTimer ??= this.#ports.clock.callAfter(tail.pollMs, () => {
      tail.cancelTimer = null;
      this.#look(tail);
    });
  }

  /** More often while it writes, less and less while it is quiet. */
  #look(tail: Tail): void {
    tail.file ??= this.#ports.openOutput(tail.attemptId);
    const sizeBytes = tail.file?.sizeBytes() ?? 0;
    tail.pollMs = sizeBytes > tail.sizeBytes ? MIN_POLL_MS : Math.min(MAX_POLL_MS, Math.ceil(tail.pollMs * 1.5));
    tail.sizeBytes = Math.max(tail.sizeBytes, sizeBytes);
    if (tail.sizeBytes <= tail.sentBytes) return this.#lookLater(tail);
    this.#ready.add(tail);
    this.#pump();
  }

  #rewind(tail: Tail, offset: number): void {
    this.#inFlightBytes -= tail.sentBytes - tail.acknowledgedBytes;
    tail.sentBytes = offset;
    tail.acknowledgedBytes = offset;
    this.#ready.delete(tail);
  }
}
