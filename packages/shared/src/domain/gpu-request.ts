import { z } from "zod";
import { ByteSize, parseBytes } from "../units.ts";
import { WHOLE_GPU_MILLI, type ResourceRequest } from "./resources.ts";

const MAX_GPUS = 10_000;

/** Whole GPUs by their number, or a share of one. */
const GpuAmount = z
  .number()
  .nonnegative()
  .max(MAX_GPUS)
  .refine(
    (gpus) => Number.isInteger(gpus) || (gpus >= 0.001 && gpus < 1 && Number.isInteger(Math.round(gpus * 1e6) / 1e3)),
    {
      message: "GPUs are a whole number, or a share of one GPU in thousandths, such as 0.25",
    },
  );

const ModelName = z.string().trim().min(1).max(100);

/** `">=40GiB"`, `"40GiB"` or bytes; yields bytes. */
const LeastMemory = z
  .union([z.int().nonnegative(), z.string()])
  .transform((value, context) => {
    const bytes = typeof value === "number" ? value : parseBytes(value.replace(/^\s*>=/, ""));
    if (bytes !== null) return bytes;
    context.addIssue({ code: "custom", message: `"${value}" is not a least size; write it as ">=40GiB"` });
    return z.NEVER;
  })
  .meta({ description: "What each GPU has in all, at least", examples: [">=40GiB"] });

export const GpuResources = z.union(
  [
    GpuAmount,
    z.strictObject({
      count: GpuAmount.optional().meta({ description: "1 where nothing is said" }),
      model: z
        .union([ModelName.transform((model) => [model]), z.array(ModelName).min(1).max(50)])
        .optional()
        .meta({ description: "Acceptable models; `A100` is an `A100-40GB` and an `A100-80GB`" }),
      memory: LeastMemory.optional(),
    }),
  ],
  'gpus is a number, such as 2 or 0.25, or says which: {count: 2, model: [A100-80GB], memory: ">=40GiB"}',
);
type GpuResources = z.output<typeof GpuResources>;

export const GpuMemory = ByteSize.refine((bytes) => bytes > 0, "a share of a GPU's memory is more than nothing").meta({
  description: "A share of one GPU by its memory, in place of a count",
  examples: ["10GiB"],
});

type GpuRequest = Omit<ResourceRequest, "cpuMilli" | "memoryBytes">;

export const NO_GPU: GpuRequest = {
  gpuCount: 0,
  gpuMilli: WHOLE_GPU_MILLI,
  gpuMemoryBytes: null,
  gpuModels: [],
  gpuMemoryMinBytes: 0,
};

/** A count and a share of memory at once would contradict each other. */
export function saysGpusTwice(gpus: GpuResources | undefined, gpuMemoryBytes: number | undefined): boolean {
  return gpuMemoryBytes !== undefined && (typeof gpus === "number" || gpus?.count !== undefined);
}

export function toGpuRequest(gpus: GpuResources | undefined, gpuMemoryBytes: number | undefined): GpuRequest {
  if (gpus === undefined && gpuMemoryBytes === undefined) return NO_GPU;
  const { count = 1, model = [], memory = 0 } = typeof gpus === "object" ? gpus : { count: gpus };
  if (count === 0) return NO_GPU;
  const isShare = count < 1;
  return {
    gpuCount: isShare ? 1 : count,
    gpuMilli: isShare ? Math.round(count * WHOLE_GPU_MILLI) : WHOLE_GPU_MILLI,
    gpuMemoryBytes: gpuMemoryBytes ?? null,
    gpuModels: model,
    gpuMemoryMinBytes: memory,
  };
}
