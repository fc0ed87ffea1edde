import { z } from "zod";

const placement = {
  nodeId: z.string(),
  nodeName: z.string(),
  revisionId: z.string(),
  /** The names that mean this revision. */
  models: z.array(z.string()),
};
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
  "placement.wanted": {
    level: "info",
    text: "placement wanted",
    doc: "A node is to have a model, or no longer has what it had and is to have it again.",
    fields: z.object(placement),
  },
  "placement.pulling": {
    level: "info",
    text: "placement pulling",
    doc: "A node brings a model, or brings again what was damaged.",
    fields: z.object(placement),
  },
  "placement.verifying": {
    level: "info",
    text: "placement verifying",
    doc: "A node has all bytes of a model and reads them to find out whether they are what they should be.",
    fields: z.object(placement),
  },
  "placement.ready": {
    level: "info",
    text: "placement ready",
    doc: "Every file of a model is on a node's disk with its hash.",
    fields: z.object(placement),
  },
  "placement.failed": {
    level: "warn",
    text: "placement failed",
    doc: "A node could not bring a model; it tries again at the time that is stated.",
    fields: z.object({ ...placement, code: z.string(), reason: z.string(), retryAt: z.iso.datetime().nullable() }),
  },
  "placement.evicting": {
    level: "info",
    text: "placement evicting",
    doc: "A node is to remove a model.",
    fields: z.object(placement),
  },
  "placement.gone": {
    level: "info",
    text: "placement gone",
    doc: "A model is not on a node any more: it was told to go, or made room for another.",
    fields: z.object(placement),
  },
} as const satisfies Record<
  string,
  { level: "info" | "warn" | "error"; text: string; doc: string; fields: z.ZodObject }
>;

/** The part of events.ts about what agents do for models. */
export const MODEL_LOG_LINES = {
  "agent.modelReady": "All files of a model's revision are on the disk and verified.",
  "agent.modelFailed": "A model's revision could not be brought; says why and when it is tried again.",
  "agent.modelDamaged": "Files of a model that was ready have changed or are gone: it is brought again.",
  "agent.modelEvicted": "A model's revision was removed from the disk.",
} as const;
