import { join } from "node:path";
import type { Clock } from "@drover/shared/clock.ts";
import type { Log } from "./log.ts";
import type { FileSystem } from "./machine/file-system.ts";

/**
 * Until when this node may be believed alive. The supervisors read the deadline from a file and stop their
 * attempts when it has passed, so that an attempt is fenced even when its agent is dead.
 */
export interface Lease {
  /** Counts from when the acknowledged message was *sent*: the coordinator counts from later, so ours ends first. */
  renew(sentAtMonotonicMs: number, leaseMs: number): void;
  stop(): void;
}

export interface LeasePorts {
  clock: Clock;
  log: Log;
  /** In milliseconds of the machine's CLOCK_MONOTONIC, which the supervisors read too. */
  writeDeadline: (deadlineMonotonicMs: number) => void;
}

export function createLease({ clock, log, writeDeadline }: LeasePorts): Lease {
  let deadlineMs = 0;
  let cancelExpiry: (() => void) | null = null;

  function watch(): void {
    cancelExpiry = clock.callAfter(Math.max(0, deadlineMs - clock.monotonicMs()), () => {
      // Timers may fire a moment early.
      if (clock.monotonicMs() < deadlineMs) return watch();
      cancelExpiry = null;
      log("agent.leaseExpired");
    });
  }

  return {
    renew(sentAtMonotonicMs, leaseMs) {
      const renewedMs = Math.floor(sentAtMonotonicMs + leaseMs);
      if (renewedMs <= deadlineMs) return;
      try {
        writeDeadline(renewedMs);
      } catch (error) {
        // The earlier deadline stands, and attempts may be stopped at it: better than one that no supervisor can read.
        log("agent.leaseNotWritten", { reason: String(error) });
        return;
      }
      deadlineMs = renewedMs;
      cancelExpiry?.();
      watch();
    },
    stop: () => cancelExpiry?.(),
  };
}

const DEADLINE_DIGITS = 20;

export interface LeaseFile {
  write(deadlineMonotonicMs: number): void;
  close(): void;
}

/**
 * The deadline and, in a line of its own, the boot whose clock it is of. Overwrites the same few bytes in place: a
 * renewal that had to make a file would fail on a full disk, and every attempt of the node would be stopped for it.
 *
 * Throws where the deadline of an earlier boot cannot be overwritten: after weeks of uptime it lies weeks ahead.
 */
export function openLeaseFile(dataDir: string, files: FileSystem, bootId: string): LeaseFile {
  const path = join(dataDir, "lease");
  const format = (deadlineMs: number) => `${String(deadlineMs).padStart(DEADLINE_DIGITS, "0")}\n${bootId}\n`;
  const file = files.openForOverwriting(path, format(0));
  if (files.readText(path)?.split("\n")[1] !== bootId) file.overwrite(format(0));
  return {
    write: (deadlineMs) => file.overwrite(format(deadlineMs)),
    close: () => file.close(),
  };
}
