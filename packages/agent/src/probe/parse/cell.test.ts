import { describe, expect, test } from "vitest";
import { CellTrouble, decimalOf, flagOf, troubleOf, valueOf, wholeNumberOf } from "./cell.ts";

describe("a cell", () => {
  test.for(["[N/A]", "N/A", "n/a", "[Not Supported]", "[Requested functionality has been deprecated]", "", "  "])(
    "with %j holds no value, and no trouble either",
    (cell) => {
      expect([valueOf(cell), troubleOf(cell), decimalOf(cell, 100)]).toEqual([null, null, null]);
    },
  );

  test.for([
    ["[GPU is lost]", CellTrouble.gpuLost],
    ["[GPU requires reset]", CellTrouble.gpuRequiresReset],
    ["[Unknown Error]", CellTrouble.unknownError],
    ["ERR!", CellTrouble.unknownError],
    ["[Insufficient Permissions]", CellTrouble.noPermission],
    ["[insufficient permissions]", CellTrouble.noPermission],
  ] as const)("with %s tells of trouble, never of zero", ([cell, trouble]) => {
    expect([troubleOf(cell), valueOf(cell), decimalOf(cell, 100)]).toEqual([trouble, null, null]);
  });

  test.for([
    ["81559", 81559],
    ["81559 MiB", 81559],
    ["81559MiB", 81559],
    ["87 %", 87],
    ["69.85 W", 69.85],
    ["31.0", 31],
    ["-1", null],
    ["1e9", null],
    ["100001", null],
    ["12 34", null],
    ["0x10", null],
  ] as const)("with %j is the number %s", ([cell, number]) => {
    expect(decimalOf(cell, 100_000)).toBe(number);
  });

  test("with a fraction is rounded where a whole number is wanted", () => {
    expect(wholeNumberOf("30.6", 100)).toBe(31);
  });

  test.for([
    ["Enabled", true],
    ["Disabled", false],
    ["Yes", true],
    ["No", false],
    ["[N/A]", null],
    ["Default", null],
  ] as const)("with %s is the flag %s", ([cell, flag]) => {
    expect(flagOf(cell)).toBe(flag);
  });
});
