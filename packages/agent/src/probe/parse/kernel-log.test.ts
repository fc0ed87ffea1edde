import { describe, expect, test } from "vitest";
import { createKernelLogReader, parseKernelLog } from "./kernel-log.ts";

describe("the kernel's log", () => {
  test("names the GPU by the line that came before", () => {
    const read = createKernelLogReader();
    expect(read("NVRM: GPU at PCI:0000:9b:00: GPU-509665ad-b600-ac93-3616-d754b23d636d")).toBeNull();
    expect(read("NVRM: Xid (PCI:0000:9b:00): 79, pid=12, name=python3, GPU has fallen off the bus.")).toMatchObject({
      code: 79,
      class: "reboot",
      gpuUuid: "GPU-509665ad-b600-ac93-3616-d754b23d636d",
      pid: 12,
      processName: "python3",
    });
  });

  test("tells in three lines of a GPU that fell off the bus without an Xid", () => {
    const log = [
      "NVRM: The NVIDIA GPU 0000:18:00.0",
      "NVRM: (PCI ID: 10de:2901) installed in this system has",
      "NVRM: fallen off the bus and is not responding to commands.",
    ];
    expect(parseKernelLog(log.join("\n"))).toMatchObject([{ code: 79, class: "reboot", pciAddress: "0000:18:00" }]);
  });

  test.for([
    ["149, NETIR_LINK_EVT  Fatal   XC0 i0 Link 01 (0x0)", "reset"],
    ["145, pid=1, name=x, RLW_SRC_TRACK Nonfatal XC1 i0 Link 03 (0x0)", "informational"],
    ["154, GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)", "reset"],
    ["154, GPU recovery action changed from 0x0 (None) to 0x4 (Drain and Reset)", "reset"],
    ["154, GPU recovery action changed from 0x0 (None) to 0x2 (Node Reboot Required)", "reboot"],
    ["154, GPU recovery action changed from 0x1 (GPU Reset Required) to 0x0 (None)", "informational"],
    ["13, pid='<unknown>', name=<unknown>, Graphics Exception", "application"],
    ["54, pid=1, name=x, Aux power", "handsOn"],
    ["1234, something new", "unknown"],
  ] as const)("with Xid %s is of class %s", ([text, xidClass]) => {
    expect(parseKernelLog(`[12.5] NVRM: Xid (PCI:0000:05:00): ${text}`)).toMatchObject([{ class: xidClass }]);
  });

  test("of others is not ours", () => {
    expect(parseKernelLog("usb 1-1: new device\nnvme nvme0: I/O 12 QID 3 timeout\nNVRM: loading NVIDIA\n")).toEqual([]);
  });
});
