import { z } from "zod";

/** In a path and on the command line: the nodes that name no site. */
export const UNNAMED_SITE = "-";

const Reachability = z.object({
  nodes: z.int(),
  online: z.int(),
  /** Since when nothing of it is given to other nodes, because many of its nodes fell silent together. */
  frozenSince: z.iso.datetime().nullable(),
  why: z.string().nullable(),
});

export const SiteSummary = Reachability.extend({
  /** `null`: the nodes that name none. */
  name: z.string().nullable(),
}).meta({ id: "SiteSummary" });
export type SiteSummary = z.infer<typeof SiteSummary>;

export const SiteList = z
  .object({
    sites: z.array(SiteSummary),
    /** All sites together, which may be frozen though none of them is alone. */
    fleet: Reachability,
  })
  .meta({ id: "SiteList" });
export type SiteList = z.infer<typeof SiteList>;
