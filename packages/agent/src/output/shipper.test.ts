import { AttemptId } from "@drover/shared/domain/ids.ts";
import {
  MAX_OUTPUT_PAYLOAD_BYTES,
  OUTPUT_WINDOW_BYTES,
  parseOutputFrame,
} from "@drover/shared/protocol/output-frame.ts";
import { describe, expect, test } from "vitest";
import { createFakeClock } from "../testing/fake-clock.ts";
import { OutputShipper } from "./shipper.ts";

const a = AttemptId.parse("1.0.1-aaaaaa");
const b = AttemptId.parse("2.0.1-bbbbbb");

function setUp() {
  const clock = createFakeClock();
  const files = new Map<AttemptId, Buffer>();
  const sent: { attemptId: AttemptId; offset: number; text: string; bytes: number }[] = [];
  const flushes: (() => void)[] = [];
  const state = { open: true, bufferedBytes: 0, looks: 0, failing: false };
  const failures: string[] = [];
  const shipper = new OutputShipper({
    clock,
    channel: {
      isOpen: () => state.open,
      bufferedBytes: () => state.bufferedBytes,
      sendOutput(frame, onFlushed) {
        const output = parseOutputFrame(frame)!;
        sent.push({
          ...output,
          bytes: output.payload.length,
          text: Buffer.from(output.payload.subarray(0, 50)).toString(),
        });
        flushes.push(onFlushed);
      },
    },
    openOutput: (attemptId) =>
      files.has(attemptId)
        ? {
            sizeBytes() {
              state.looks++;
              return files.get(attemptId)!.length;
            },
            read(target, targetStart, offset) {
              if (state.failing) throw new Error("EIO");
              return files.get(attemptId)!.copy(target, targetStart, offset);
            },
            close() {},
          }
        : null,
    onAcknowledged() {},
    onReadFailed: (_attemptId, reason) => failures.push(reason),
  });
  return { clock, files, sent, flushes, state, shipper, failures };
}

describe("the output of a running attempt", () => {
  test("is sent as it grows, each byte once", () => {
    const { clock, files, sent, shipper } = setUp();
    shipper.track(a);
    clock.advanceBy(1000);
    for (const text of ["one", "two", "three"]) {
      files.set(a, Buffer.concat([files.get(a) ?? Buffer.alloc(0), Buffer.from(text)]));
      clock.advanceBy(1000);
    }
    expect(sent.map(({ offset, text }) => [offset, text])).toEqual([
      [0, "one"],
      [3, "two"],
      [6, "three"],
    ]);
  });

  test("is looked for often while it grows and seldom while it is quiet", () => {
    const { clock, files, state, shipper } = setUp();
    files.set(a, Buffer.from("x"));
    shipper.track(a);
    clock.advanceBy(60_000);
    state.looks = 0;
    clock.advanceBy(10_000);
    expect(state.looks).toBe(20);
    files.set(a, Buffer.from("xy"));
    state.looks = 0;
    clock.advanceBy(1000);
    expect(state.looks).toBeGreaterThanOrEqual(5);
  });
});

describe("what is under way", () => {
  test("stays within the window of its attempt and goes on with each acknowledgement", () => {
    const { files, sent, shipper } = setUp();
    files.set(a, Buffer.alloc(OUTPUT_WINDOW_BYTES + 10));
    shipper.finish(a, OUTPUT_WINDOW_BYTES + 10);
    expect(sent.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(OUTPUT_WINDOW_BYTES);
    shipper.onAck(a, 4);
    expect(sent.at(-1)).toMatchObject({ offset: OUTPUT_WINDOW_BYTES, bytes: 4 });
    shipper.onAck(a, OUTPUT_WINDOW_BYTES + 4);
    shipper.onAck(a, OUTPUT_WINDOW_BYTES + 10);
    expect(shipper.acknowledgedBytes(a)).toBe(OUTPUT_WINDOW_BYTES + 10);
  });

  test("stays within one window for all attempts together", () => {
    const { files, sent, shipper } = setUp();
    const attemptIds = Array.from({ length: 10 }, (_, i) => AttemptId.parse(`${i}.0.1-aaaaaa`));
    for (const attemptId of attemptIds) {
      files.set(attemptId, Buffer.alloc(OUTPUT_WINDOW_BYTES));
      shipper.finish(attemptId, OUTPUT_WINDOW_BYTES);
    }
    expect(sent.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(4 * OUTPUT_WINDOW_BYTES);
  });

  test("waits while the socket has not taken what it was given", () => {
    const { files, sent, flushes, state, shipper } = setUp();
    state.bufferedBytes = 2 ** 20;
    files.set(a, Buffer.from("hello"));
    shipper.finish(a, 5);
    expect(sent).toEqual([]);
    state.bufferedBytes = 0;
    files.set(b, Buffer.from("other"));
    shipper.finish(b, 5);
    expect(sent.map(({ attemptId }) => attemptId)).toEqual([a, b]);
    flushes.forEach((flushed) => flushed());
  });

  test("alternates between attempts, so that a talkative one starves nobody", () => {
    const { files, sent, state, shipper } = setUp();
    state.open = false;
    for (const attemptId of [a, b]) {
      files.set(attemptId, Buffer.alloc(3 * MAX_OUTPUT_PAYLOAD_BYTES));
      shipper.finish(attemptId, 3 * MAX_OUTPUT_PAYLOAD_BYTES);
    }
    state.open = true;
    shipper.resume({});
    expect(sent.map(({ attemptId }) => attemptId)).toEqual([a, b, a, b, a, b]);
  });
});

describe("a new connection", () => {
  test("gets everything from where the coordinator says that it is", () => {
    const { files, sent, shipper } = setUp();
    files.set(a, Buffer.from("0123456789"));
    files.set(b, Buffer.from("abcdef"));
    shipper.finish(a, 10);
    shipper.finish(b, 6);
    sent.length = 0;
    shipper.resume({ [a]: 7 });
    expect(sent.map(({ offset, text }) => [offset, text])).toEqual([
      [7, "789"],
      [0, "abcdef"],
    ]);
  });

  test("gets nothing of what the coordinator has already", () => {
    const { files, sent, state, shipper } = setUp();
    state.open = false;
    files.set(a, Buffer.from("0123456789"));
    shipper.finish(a, 10);
    state.open = true;
    shipper.resume({ [a]: 10 });
    expect(sent).toEqual([]);
    expect(shipper.acknowledgedBytes(a)).toBe(10);
  });
});

describe("output that", () => {
  test("could not be stored is sent again after a pause", () => {
    const { clock, files, sent, shipper } = setUp();
    files.set(a, Buffer.from("0123456789"));
    shipper.finish(a, 10);
    shipper.onResend(a, 4);
    expect(sent).toHaveLength(1);
    clock.advanceBy(1000);
    expect(sent[1]).toMatchObject({ offset: 4, text: "456789" });
  });

  test("is shorter than its exit record says counts as it is", () => {
    const { files, shipper } = setUp();
    files.set(a, Buffer.from("short"));
    expect(shipper.finish(a, 1000)).toBe(5);
    expect(shipper.finish(b, 1000)).toBe(0);
  });

  test("cannot be read is said to be so, and tried again", () => {
    const { clock, files, sent, state, shipper, failures } = setUp();
    state.failing = true;
    files.set(a, Buffer.from("hello"));
    shipper.finish(a, 5);
    expect(failures).toEqual(["cannot read its output: Error: EIO"]);
    state.failing = false;
    clock.advanceBy(2000);
    expect(sent).toMatchObject([{ text: "hello" }]);
  });

  test("is none costs no look at a file", () => {
    const { state, shipper } = setUp();
    shipper.track(a);
    expect(shipper.finish(a, 0)).toBe(0);
    expect(state.looks).toBe(0);
  });
});
