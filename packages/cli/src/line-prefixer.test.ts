import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LinePrefixer } from "./line-prefixer.ts";

function prefixAll(pieces: readonly Uint8Array[]): string {
  const lines = new LinePrefixer("[3] ");
  return Buffer.concat([...pieces.map((piece) => lines.push(piece)), lines.finish()]).toString("latin1");
}

describe("lines with a prefix", () => {
  test("come out whole, though they came in pieces", () => {
    const lines = new LinePrefixer("[3] ");
    expect(lines.push(Buffer.from("one\ntw")).toString()).toBe("[3] one\n");
    expect(lines.push(Buffer.from("o\n")).toString()).toBe("[3] two\n");
    expect(lines.finish().toString()).toBe("");
  });

  test("end, even if the task did not end its last one", () => {
    const lines = new LinePrefixer("[3] ");
    expect(lines.push(Buffer.from("no end")).toString()).toBe("");
    expect(lines.finish().toString()).toBe("[3] no end\n");
  });

  test("are broken where a line has no end in sight", () => {
    const lines = new LinePrefixer("[3] ");
    const text = lines.push(Buffer.alloc(70_000, "x")).toString();
    expect(text.length).toBe(70_000 + "[3] \n".length);
  });

  test("are the same wherever the bytes were cut, whatever bytes they are", () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 20 }));
    fc.assert(
      fc.property(pieces, (cut) => {
        const text = Buffer.concat(cut).toString("latin1");
        const whole = text === "" || text.endsWith("\n") ? text : `${text}\n`;
        expect(prefixAll(cut)).toBe(whole.replaceAll(/[^\n]*\n/g, (line) => `[3] ${line}`));
      }),
    );
  });
});
