import { gpuUuidOf } from "./nvidia-gpus.ts";
import { linesOf } from "./text.ts";

export interface NvidiaLinkCount {
  uuid: string;
  activeLinks: number;
  inactiveLinks: number;
}

/** Reads `nvidia-smi nvlink --status`: how many of each GPU's NVLinks are up. */
export function parseNvidiaLinks(text: string): NvidiaLinkCount[] {
  const counts: NvidiaLinkCount[] = [];
  for (const line of linesOf(text)) {
    const uuid = gpuUuidOf(/^GPU \d{1,4}: .{1,200} \(UUID: (GPU-[^\s)]{1,64})\)/.exec(line)?.[1]);
    if (uuid !== null) counts.push({ uuid, activeLinks: 0, inactiveLinks: 0 });
    const link = /^\s+Link \d{1,3}: (.{1,40})$/.exec(line)?.[1];
    const gpu = counts.at(-1);
    if (link === undefined || gpu === undefined) continue;
    if (/^\d{1,6}(\.\d{1,6})? GB\/s$/.test(link)) gpu.activeLinks++;
    else gpu.inactiveLinks++;
  }
  return counts;
}
