import { MAX_INDEX } from "./limits.ts";
import { gpuUuidOf } from "./nvidia-gpus.ts";
import { linesOf, nameOf, warn, type Reading } from "./text.ts";

export interface NvidiaMigDevice {
  /** What a process is given: `MIG-<uuid>`, before driver 470 `MIG-GPU-<uuid>/<gi>/<ci>`. */
  uuid: string;
  /** Counts the instances of its GPU; the only thing that this list and the table have in common. */
  device: number;
  /** Such as `3g.40gb` or `1c.3g.71gb`. */
  profile: string;
}

export interface NvidiaListedGpu {
  index: number;
  uuid: string;
  name: string | null;
  migDevices: NvidiaMigDevice[];
}

const GPU = /^GPU (\d{1,4}): (.{1,200}) \(UUID: (GPU-[^\s)]{1,64})\)/;
const MIG = /^\s+MIG (\S{1,32})\s+Device\s+(\d{1,4}): \(UUID: (MIG-[^\s)]{1,96})\)/;

/** Reads `nvidia-smi -L`: every GPU, and below it its MIG instances. */
export function parseNvidiaList(text: string): Reading<NvidiaListedGpu[]> {
  const reading: Reading<NvidiaListedGpu[]> = { value: [], warnings: [] };
  const seen = new Set<string>();
  for (const line of linesOf(text)) {
    const gpu = GPU.exec(line);
    const mig = MIG.exec(line);
    const uuid = gpu ? gpuUuidOf(gpu[3]) : (mig?.[3] ?? null);
    if (uuid === null || seen.has(uuid)) {
      if (/^\s*(GPU|MIG) /.test(line)) warn(reading.warnings, `nvidia-smi -L: ${line}`);
      continue;
    }
    const index = Number(gpu?.[1] ?? mig?.[2]);
    const owner = reading.value.at(-1);
    if (index > MAX_INDEX || (mig && owner === undefined)) {
      warn(reading.warnings, `nvidia-smi -L: ${line}`);
      continue;
    }
    seen.add(uuid);
    if (gpu) reading.value.push({ index, uuid, name: nameOf(gpu[2]), migDevices: [] });
    else owner?.migDevices.push({ uuid, device: index, profile: mig?.[1] ?? "" });
  }
  return reading;
}
