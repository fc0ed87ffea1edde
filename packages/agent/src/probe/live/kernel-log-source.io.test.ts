import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openKernelLog } from "./kernel-log-source.ts";

test("the kernel's log is read from its beginning, and then what is new", () => {
  const folder = mkdtempSync(join(tmpdir(), "drover-kmsg-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "kmsg");
  writeFileSync(
    path,
    "6,1,100,-;usb 1-1: new device\n4,2,200,-;NVRM: Xid (PCI:0000:10:00): 79, GPU has fallen off the bus.\n",
  );
  const log = openKernelLog(path);
  onTestFinished(() => log.close());
  expect(log.read()).toMatchObject([{ code: 79, pciAddress: "0000:10:00" }]);
  expect(log.read()).toEqual([]);
  appendFileSync(path, "4,3,300,-;NVRM: Xid (PCI:0000:10:00): 13, pid=4, name=a, Graphics Exception\n SUBSYSTEM=pci\n");
  expect(log.read()).toMatchObject([
    { code: 13, line: "NVRM: Xid (PCI:0000:10:00): 13, pid=4, name=a, Graphics Exception" },
  ]);
});

test("a log that may not be read says nothing", () => {
  const log = openKernelLog("/no/such/kmsg");
  expect(log.read()).toEqual([]);
  log.close();
});
