import { z } from "zod";
import { DroverError } from "@drover/shared/errors.ts";
import type { Fleet } from "../../core/fleet.ts";
import type { NodeRecord } from "../../core/records.ts";

export const NodeParams = z.object({ id: z.string() }).meta({ description: "A node's id or name" });

export function requireNode(fleet: Fleet, idOrName: string): NodeRecord {
  const nodes = [...fleet.nodes.values()];
  const byId = nodes.find((node) => node.id === idOrName);
  if (byId) return byId;
  const named = nodes.filter((node) => node.name === idOrName);
  if (named.length > 1) {
    const ids = named.map((node) => node.id);
    throw new DroverError("node.nameAmbiguous", `${named.length} nodes are called "${idOrName}": ${ids.join(", ")}.`);
  }
  if (named[0]) return named[0];
  throw new DroverError("node.notFound", `No node has the id or name "${idOrName}".`);
}
