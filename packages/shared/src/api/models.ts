import { z } from "zod";
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

export const Model = z
  .object({
    name: z.string(),
    /** As it was given. */
    reference: z.string(),
    include: z.array(z.string()),
    exclude: z.array(z.string()),
    revision: ModelRevision,
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
