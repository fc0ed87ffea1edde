import { gpuUuidOf } from "./nvidia-gpus.ts";
import { normalizePciAddress } from "./pci-address.ts";
import { excerptOf, linesOf, nameOf } from "./text.ts";
import { XIDS, XidClass } from "./xid-table.ts";

/** One error that the NVIDIA driver wrote to the kernel log. */
export interface XidEvent {
  code: number;
  class: XidClass;
  meaning: string;
  pciAddress: string | null;
  /** Where an earlier line said which GPU lies at that address. */
  gpuUuid: string | null;
  pid: number | null;
  processName: string | null;
  line: string;
}

const MAX_XID = 9999;
const FELL_OFF_THE_BUS = 79;
const RECOVERY_ACTION_CHANGED = 154;

/** `NVRM: Xid (PCI:0000:9b:00): 119, pid=2024380, name=nvidia-smi, Timeout after 6s …`; old: `Xid (0000:01:00): 31, …`. */
const XID = /NVRM: Xid \((?:PCI:)?([0-9a-f:.]{5,20})\)[^:]{0,40}: (\d{1,6}),? ?(.{0,2000})$/i;
const PROCESS = /^pid='?(\d{1,10}|<unknown>)'?(?:, name=(.{1,64}?))?(?:, |$)/;
const GPU_AT = /NVRM: GPU at PCI:([0-9a-f:.]{5,20}): (GPU-[0-9a-z-]{1,64})/i;
/** Without an Xid, and in newer drivers over three lines, of which the first names the GPU. */
const FELL_OFF =
  /NVRM: (?:GPU ([0-9a-f:.]{5,20}): GPU has fallen off the bus|fallen off the bus and is not responding)/i;
const GPU_NAMED = /NVRM: The NVIDIA GPU ([0-9a-f:.]{5,20})$/i;

/** Reads lines of the kernel's log one by one; some errors take several lines, and UUIDs come before what they name. */
export function createKernelLogReader(): (line: string) => XidEvent | null {
  const uuids = new Map<string, string>();
  let named: string | null = null;
  return (raw) => {
    const line = excerptOf(raw);
    if (!line.includes("NVRM: ")) return null;
    const at = GPU_AT.exec(line);
    const atAddress = normalizePciAddress(at?.[1]);
    const uuid = gpuUuidOf(at?.[2]);
    // A machine has a few GPUs; a log that names more is damaged.
    if (atAddress !== null && uuid !== null && uuids.size < 256) uuids.set(atAddress, uuid);
    named = normalizePciAddress(GPU_NAMED.exec(line)?.[1]) ?? named;
    const event = xidEventOf(line) ?? fellOffEventOf(line, named);
    if (event === null || event.pciAddress === null) return event;
    return { ...event, gpuUuid: uuids.get(event.pciAddress) ?? null };
  };
}

/** Every error of a whole log, oldest first. */
export function parseKernelLog(text: string): XidEvent[] {
  const read = createKernelLogReader();
  return linesOf(text).flatMap((line) => read(line) ?? []);
}

function xidEventOf(line: string): XidEvent | null {
  const [, address, digits, rest = ""] = XID.exec(line) ?? [];
  const code = Number(digits);
  if (digits === undefined || code < 1 || code > MAX_XID) return null;
  const [, pid, processName] = PROCESS.exec(rest) ?? [];
  const known = XIDS.get(code);
  return {
    code,
    class: classOf(code, rest),
    meaning: known?.meaning ?? "not in NVIDIA's catalogue",
    pciAddress: normalizePciAddress(address),
    gpuUuid: null,
    pid: /^\d+$/.test(pid ?? "") ? Number(pid) : null,
    processName: processName === "<unknown>" ? null : nameOf(processName),
    line,
  };
}

function fellOffEventOf(line: string, named: string | null): XidEvent | null {
  const match = FELL_OFF.exec(line);
  if (!match) return null;
  return {
    code: FELL_OFF_THE_BUS,
    class: XidClass.reboot,
    meaning: XIDS.get(FELL_OFF_THE_BUS)?.meaning ?? "",
    pciAddress: normalizePciAddress(match[1]) ?? named,
    gpuUuid: null,
    pid: null,
    processName: null,
    line,
  };
}

/** Two kinds say in their text how bad it is. */
function classOf(code: number, text: string): XidClass {
  if (code === RECOVERY_ACTION_CHANGED) {
    const action = /changed from .{1,60} to 0x[0-9a-f]{1,8} \(([^)]{1,40})\)/i.exec(text)?.[1] ?? "";
    if (/reboot/i.test(action)) return XidClass.reboot;
    return /reset|drain/i.test(action) ? XidClass.reset : XidClass.informational;
  }
  const isNvLink5 = code >= 144 && code <= 150;
  if (isNvLink5 && /\bNonfatal\b/.test(text)) return XidClass.informational;
  return XIDS.get(code)?.class ?? XidClass.unknown;
}
