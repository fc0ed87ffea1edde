import { z } from "zod";
import { PLACEMENT_PROBLEM_CODES, PlacementState } from "../domain/placement.ts";
import { ModelFile, ModelName, PinnedSource } from "../domain/model.ts";

const Pattern = z.string().min(1).max(200);
const Patterns = z.array(Pattern).max(50);

/** What is to be known under a name. */
export const ModelAddRequest = z
  .strictObject({
    name: ModelName,
    reference: z
      .string()
      .min(1)
      .max(500)
      .meta({
        description: "Where it is: hf://ORG/NAME, or hf://ORG/NAME@REVISION",
        examples: ["hf://openai/gpt2@main"],
      }),
    include: Patterns.optional().meta({
      description: "Only files whose path is of one of these, such as *.safetensors",
    }),
    exclude: Patterns.optional().meta({ description: "No file whose path is of one of these, such as *.bin" }),
  })
  .meta({ id: "ModelAddRequest" });
export type ModelAddRequest = z.input<typeof ModelAddRequest>;

/** What a model was resolved to: these files and no others, for ever. */
export const ModelRevision = z
  .object({
    id: z.string(),
    source: PinnedSource,
    fileCount: z.int().nonnegative(),
    sizeBytes: z.int().nonnegative(),
    resolvedAt: z.iso.datetime(),
  })
  .meta({ id: "ModelRevision" });
export type ModelRevision = z.infer<typeof ModelRevision>;

/** One revision on one node. */
export const Placement = z
  .object({
    nodeId: z.string(),
    nodeName: z.string(),
    revisionId: z.string(),
    /** The names that mean this revision. */
    models: z.array(z.string()),
    state: z.enum(PlacementState),
    since: z.iso.datetime(),
    /** It stays until an operator says otherwise. */
    isPinned: z.boolean(),
    /** An attempt there uses it. */
    isInUse: z.boolean(),
    bytesDone: z.int().nonnegative(),
    sizeBytes: z.int().nonnegative(),
    bytesPerSecond: z.int().nonnegative(),
    /** Why it could not be brought, what to do about it, and when it is tried again. */
    problem: z.object({ code: z.enum(PLACEMENT_PROBLEM_CODES), message: z.string(), advice: z.string() }).nullable(),
    retryAt: z.iso.datetime().nullable(),
  })
  .meta({ id: "Placement" });
export type Placement = z.infer<typeof Placement>;

export const PlacementQuery = z.object({
  node: z.string().optional().meta({ description: "A node's id or name" }),
});
export const PlacementList = z.object({ placements: z.array(Placement) }).meta({ id: "PlacementList" });
export type PlacementList = z.infer<typeof PlacementList>;

const On = z.string().min(1).max(500).meta({
  description: "A node's name, or conditions such as 'gpu.memory >= 40GiB and site = berlin'",
});

export const ModelPlaceRequest = z
  .strictObject({
    on: On,
    copies: z.int().min(1).max(10_000).default(1).meta({ description: "On how many of these nodes" }),
    pin: z.boolean().default(false).meta({ description: "It stays there when nobody uses it" }),
  })
  .meta({ id: "ModelPlaceRequest" });
export type ModelPlaceRequest = z.input<typeof ModelPlaceRequest>;

export const ModelUnplaceRequest = z.strictObject({ on: On }).meta({ id: "ModelUnplaceRequest" });
export type ModelUnplaceRequest = z.input<typeof ModelUnplaceRequest>;

export const Model = z
  .object({
    name: z.string(),
    /** As it was given. */
    reference: z.string(),
    include: z.array(z.string()),
    exclude: z.array(z.string()),
    revision: ModelRevision,
    /** Where it is, or is to be. */
    placements: z.array(Placement),
    addedAt: z.iso.datetime(),
    addedBy: z.string(),
  })
  .meta({ id: "Model" });
export type Model = z.infer<typeof Model>;

export const ModelDetailQuery = z.object({
  fromFile: z.coerce.number().pipe(z.int().nonnegative()).default(0),
  limit: z.coerce.number().pipe(z.int().min(1).max(1000)).default(1000),
});

export const ModelDetail = Model.extend({
  /** In the order of their paths. */
  files: z.array(ModelFile),
  /** `fromFile` of the next page. */
  nextFile: z.int().nullable(),
}).meta({ id: "ModelDetail" });
export type ModelDetail = z.infer<typeof ModelDetail>;

export const ModelList = z.object({ models: z.array(Model) }).meta({ id: "ModelList" });
export type ModelList = z.infer<typeof ModelList>;
