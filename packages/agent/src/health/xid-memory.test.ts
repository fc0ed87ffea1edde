import { describe, expect, test } from "vitest";
import { parseKernelLog } from "../probe/parse/kernel-log.ts";
import { XidMemory } from "./xid-memory.ts";

function remember(text: string, isHistory = false): XidMemory {
  const memory = new XidMemory();
  for (const event of parseKernelLog(text)) memory.take(event, isHistory, 0);
  return memory;
}

const xid = (code: number) => `NVRM: Xid (PCI:0000:10:00): ${code}, pid=1, name=python3, something`;
const NOBODY = new Set<string>();

describe("Xids", () => {
  test.for([
    [13, []],
    [63, []],
    [48, ["xidReset"]],
    [79, ["xidReboot"]],
    [54, ["xidHandsOn"]],
    [1234, ["xidUnknown"]],
  ] as const)("of code %s are remembered as %j", ([code, codes]) => {
    expect(
      remember(xid(code))
        .faults(NOBODY, 0)
        .map((fault) => fault.code),
    ).toEqual(codes);
  });

  test("of one kind on one GPU are one fault, with the newest line", () => {
    const faults = remember(`${xid(119)}\n${xid(120)}`).faults(NOBODY, 0);
    expect(faults).toMatchObject([{ pciAddress: "0000:10:00", evidence: expect.stringContaining("120,") }]);
  });

  test("that ask for a reset last until the driver says that none is needed, and had time to say otherwise", () => {
    const memory = remember(xid(119));
    const recovered = new Set(["0000:10:00"]);
    expect(memory.faults(recovered, 10_000)).toHaveLength(1);
    expect(memory.faults(new Set(["0000:11:00"]), 60_000)).toHaveLength(1);
    expect(memory.faults(recovered, 60_000)).toEqual([]);
    expect(memory.faults(NOBODY, 60_000)).toEqual([]);
  });

  test("that ask for a restart of the machine last as long as this boot does", () => {
    expect(remember(xid(79)).faults(new Set(["0000:10:00"]), 3_600_000)).toHaveLength(1);
  });

  test("of before this agent count, but for resets that may have been done since", () => {
    expect(remember(xid(119), true).faults(NOBODY, 0)).toEqual([]);
    expect(remember(xid(79), true).faults(NOBODY, 0)).toHaveLength(1);
  });
});
