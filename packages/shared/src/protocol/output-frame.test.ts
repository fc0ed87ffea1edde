import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AttemptId } from "../domain/ids.ts";
import { outputHeaderBytes, parseOutputFrame, writeOutputHeader } from "./output-frame.ts";

const anAttemptId = fc.stringMatching(/^\d{1,9}\.\d{1,6}\.\d{1,3}-[a-z0-9]{6}$/).map((text) => AttemptId.parse(text));

function frameOf(attemptId: AttemptId, offset: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(outputHeaderBytes(attemptId) + payload.byteLength);
  writeOutputHeader(frame, attemptId, offset);
  frame.set(payload, outputHeaderBytes(attemptId));
  return frame;
}

describe("an output frame", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(anAttemptId, fc.maxSafeNat(), fc.uint8Array({ maxLength: 1000 }), (attemptId, offset, payload) => {
        const frame = frameOf(attemptId, offset, payload);
        expect(parseOutputFrame(frame)).toEqual({ attemptId, offset, payload });
      }),
    );
  });

  it("is read the same from the middle of a larger buffer", () => {
    const frame = frameOf(AttemptId.parse("812.3.1-k7q2mx"), 5_000_000_000, new Uint8Array([1, 2, 3]));
    const buffer = new Uint8Array(frame.byteLength + 20);
    buffer.set(frame, 7);
    expect(parseOutputFrame(buffer.subarray(7, 7 + frame.byteLength))).toEqual(parseOutputFrame(frame));
  });

  it("has a payload that is a view, not a copy", () => {
    const frame = frameOf(AttemptId.parse("1.0.1-aaaaaa"), 0, new Uint8Array(8));
    expect(parseOutputFrame(frame)?.payload.buffer).toBe(frame.buffer);
  });
});

describe("bytes that are no output frame", () => {
  it("are answered with null and never throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const frame = parseOutputFrame(bytes);
        if (frame !== null) expect(AttemptId.safeParse(frame.attemptId).success).toBe(true);
      }),
    );
  });

  it("are refused where a frame was cut or changed", () => {
    const whole = frameOf(AttemptId.parse("812.3.1-k7q2mx"), 1, new Uint8Array());
    fc.assert(
      fc.property(fc.nat({ max: whole.byteLength - 1 }), (length) => {
        expect(parseOutputFrame(whole.subarray(0, length))).toBeNull();
      }),
    );
    fc.assert(
      fc.property(fc.nat({ max: whole.byteLength - 1 }), fc.integer({ min: 0, max: 255 }), (at, value) => {
        expect(() => parseOutputFrame(whole.with(at, value))).not.toThrow();
      }),
    );
  });

  it("are refused where the offset is beyond what a number can hold", () => {
    const frame = frameOf(AttemptId.parse("812.3.1-k7q2mx"), 0, new Uint8Array());
    expect(parseOutputFrame(frame.with(2 + "812.3.1-k7q2mx".length, 0xff))).toBeNull();
  });
});
