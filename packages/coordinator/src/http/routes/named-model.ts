import { z } from "zod";
import { DroverError } from "@drover/shared/errors.ts";
import type { Fleet } from "../../core/fleet.ts";
import { modelNamed } from "../../core/models.ts";
import type { ModelRecord } from "../../core/records.ts";

export const ModelParams = z.object({ name: z.string() });

export function requireModel(fleet: Fleet, name: string): ModelRecord {
  const model = modelNamed(fleet, name);
  if (model === null) throw new DroverError("model.notFound", `There is no model "${name}".`);
  return model;
}
