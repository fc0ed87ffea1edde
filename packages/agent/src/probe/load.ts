import { statfsSync } from "node:fs";
import { loadavg } from "node:os";
import type { NodeLoad } from "@drover/shared/domain/node.ts";

/** Three system calls: cheap enough for every heartbeat. */
export function readLoad(dataDir: string): NodeLoad {
  const disk = statfsSync(dataDir);
  return {
    load1: loadavg()[0] ?? 0,
    memoryAvailableBytes: process.availableMemory(),
    dataDiskFreeBytes: disk.bavail * disk.bsize,
  };
}
