import { z } from "zod";

const model = { modelName: z.string() };

/** The part of events.ts that is about models. */
export const MODEL_EVENTS = {
  "model.added": {
    level: "info",
    text: "model added",
    doc: "A reference was resolved to a pinned revision, and is known under a name from now on.",
    fields: z.object({
      ...model,
      reference: z.string(),
      revisionId: z.string(),
      source: z.string(),
      fileCount: z.int(),
      sizeBytes: z.int(),
      actor: z.string(),
    }),
  },
  "model.removed": {
    level: "info",
    text: "model removed",
    doc: "The name means nothing any more.",
    fields: z.object({ ...model, revisionId: z.string(), actor: z.string() }),
  },
} as const satisfies Record<
  string,
  { level: "info" | "warn" | "error"; text: string; doc: string; fields: z.ZodObject }
>;
