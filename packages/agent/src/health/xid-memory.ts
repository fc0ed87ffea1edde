import type { GpuFault } from "@drover/shared/domain/gpu.ts";
import type { HealthCode } from "@drover/shared/domain/health.ts";
import type { XidEvent } from "../probe/parse/kernel-log.ts";

const CODES: Partial<Record<XidEvent["class"], HealthCode>> = {
  reset: "xidReset",
  reboot: "xidReboot",
  handsOn: "xidHandsOn",
  unknown: "xidUnknown",
};
/** A driver that names recovery actions needs this long to name one after an Xid. */
const ACTION_KNOWN_AFTER_MS = 30_000;
const MAX_REMEMBERED = 256;

interface Remembered {
  fault: GpuFault;
  atMs: number;
}

/**
 * Xids are events, and what they say of a GPU lasts: until the machine is restarted (its log begins anew), or until
 * the driver says that no recovery is needed any more. What an application did, or what is only a note, is not kept.
 */
export class XidMemory {
  #remembered: Remembered[] = [];

  /**
   * `isHistory`: from before this agent. Whether a reset that it asked for has been done since only the driver can
   * say, and a driver that can does so by itself.
   */
  take(event: XidEvent, isHistory: boolean, monotonicMs: number): void {
    const code = CODES[event.class];
    if (code === undefined || (isHistory && code === "xidReset")) return;
    const fault = { gpuId: event.gpuUuid, pciAddress: event.pciAddress, code, evidence: event.line };
    // Of the same kind on the same GPU the newest says enough.
    const others = this.#remembered.filter(
      ({ fault: one }) => one.pciAddress !== fault.pciAddress || one.code !== code,
    );
    this.#remembered = [...others, { fault, atMs: monotonicMs }].slice(-MAX_REMEMBERED);
  }

  /** `recovered`: addresses of GPUs of which the driver says right now that they need no recovery. */
  faults(recovered: ReadonlySet<string>, monotonicMs: number): GpuFault[] {
    this.#remembered = this.#remembered.filter(
      ({ fault, atMs }) =>
        fault.code !== "xidReset" ||
        fault.pciAddress === null ||
        !recovered.has(fault.pciAddress) ||
        monotonicMs - atMs < ACTION_KNOWN_AFTER_MS,
    );
    return this.#remembered.map(({ fault }) => fault);
  }
}
