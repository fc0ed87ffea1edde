import { BYTES_PER_GIB } from "@drover/shared/units.ts";
import { nameOf } from "./text.ts";

/** Words that are no part of what people ask for. */
const NOISE =
  /\b(NVIDIA|GeForce|Tesla|Quadro|AMD|Instinct|Radeon|Intel(\(R\))?|Data Center GPU|Corporation|Generation|GPU|Graphics)(?=\s|$)/gi;
/** How a card is built or attached: the same GPU to a job. */
const FORM = /\b(SXM\d?|PCIe|PCI-E|HBM\d\w?|OAM|NVL|HGX)\b/gi;
const STATED_MEMORY = /\b(\d{1,4})\s?GB\b/i;
/** Models that are sold with more than one size of memory: the size is part of their name. */
const SOLD_IN_SIZES = /^(A100|H100|V100|P100|A800|H800|MI50|M40|RTX-3060|RTX-3080|RTX-4060-Ti|RTX-5060-Ti)$/i;
/** What was printed on the box; drivers report a little less, or binary units. */
const SIZES_GB = [8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 94, 96, 128, 141, 180, 192, 256, 288];

/**
 * What a person would ask for: `NVIDIA A100-SXM4-80GB` and `NVIDIA A100 80GB PCIe` are both `A100-80GB`, a
 * `NVIDIA GeForce RTX 4090` is an `RTX-4090`. The memory is in it only where a model comes in several sizes.
 */
export function normalizeModelName(name: string | null, memoryBytes: number | null): string | null {
  const full = nameOf(name);
  if (full === null) return null;
  // `Arcturus GL-XL [Instinct MI100]`: the name that is sold stands in the brackets.
  const sold = /\[([^\]/]{3,60})/.exec(full)?.[1] ?? full;
  const stated = STATED_MEMORY.exec(sold)?.[1];
  const words = sold
    .replace(STATED_MEMORY, " ")
    .replaceAll(NOISE, " ")
    .replaceAll("-", " ")
    .replaceAll(FORM, " ")
    .replaceAll(/[^A-Za-z0-9. ]/g, " ")
    .trim()
    .split(/\s+/)
    .filter((word) => word !== "");
  const model = words.join("-");
  if (model === "") return null;
  if (stated !== undefined) return `${model}-${stated}GB`;
  const size = SOLD_IN_SIZES.test(model) ? nearestSizeGb(memoryBytes) : null;
  return size === null ? model : `${model}-${size}GB`;
}

function nearestSizeGb(memoryBytes: number | null): number | null {
  if (memoryBytes === null) return null;
  const gib = memoryBytes / BYTES_PER_GIB;
  return SIZES_GB.find((size) => Math.abs(size - gib) <= Math.max(1, size * 0.08)) ?? null;
}
