import type { SiteList, SiteSummary } from "@drover/shared/api/sites.ts";
import type { Fleet } from "../core/fleet.ts";
import type { Freeze, NodeRecord } from "../core/records.ts";
import { fleetFreeze, siteFreeze, whyFrozen } from "../core/site-freeze.ts";
import { timestamp } from "./views.ts";

/** In the order of their names, the nodes that name none at the end. */
export function sitesView(fleet: Fleet): SiteList {
  const nodes = [...fleet.nodes.values()];
  const names = [...new Set(nodes.map((node) => node.site))].toSorted(byName);
  return { sites: names.map((name) => siteView(fleet, name)), fleet: reachability(nodes, fleetFreeze(fleet)) };
}

export function siteView(fleet: Fleet, name: string | null): SiteSummary {
  const nodes = [...fleet.nodes.values()].filter((node) => node.site === name);
  return { name, ...reachability(nodes, siteFreeze(fleet, name)) };
}

function reachability(nodes: readonly NodeRecord[], freeze: Freeze | null): SiteList["fleet"] {
  return {
    nodes: nodes.length,
    online: nodes.filter((node) => node.link === "online").length,
    frozenSince: freeze && timestamp(freeze.sinceMs),
    why: freeze && whyFrozen(freeze),
  };
}

function byName(a: string | null, b: string | null): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return a < b ? -1 : 1;
}
