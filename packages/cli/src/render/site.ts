import { UNNAMED_SITE, type SiteList, type SiteSummary } from "@drover/shared/api/sites.ts";
import type { View } from "./job.ts";
import { printable } from "./printable.ts";
import { renderTable, type Column } from "./table.ts";
import { formatAgo } from "./time.ts";

export function renderSites({ sites }: SiteList, { nowMs, width }: View): string {
  const columns: Column<SiteSummary>[] = [
    { title: "SITE", cell: ({ name }) => name ?? UNNAMED_SITE, shrinkTo: 8 },
    { title: "NODES", cell: ({ nodes }) => String(nodes), alignRight: true },
    { title: "ONLINE", cell: ({ online }) => String(online), alignRight: true },
    {
      title: "FROZEN",
      cell: ({ frozenSince }) => (frozenSince === null ? "-" : formatAgo(frozenSince, nowMs)),
      alignRight: true,
    },
  ];
  return renderTable(columns, sites, width);
}

/** One line for each site that is frozen, and one for the fleet: what, since when, why, and what to do. */
export function renderFrozen({ sites, fleet }: SiteList, { nowMs }: View): string {
  const lines = sites.map((site) => frozenLine(siteName(site), site, remedyFor(site), nowMs));
  lines.push(frozenLine("the fleet", fleet, "drover site gone SITE, or drover node gone NODE", nowMs));
  return lines.join("");
}

/** A site of which one node still answers is not gone. */
function remedyFor({ name, online }: SiteSummary): string {
  return online === 0 ? `drover site gone ${name ?? UNNAMED_SITE}` : "drover node gone NODE, each of them";
}

export function siteName({ name }: Pick<SiteSummary, "name">): string {
  return name === null ? "the site without a name" : `site ${name}`;
}

function frozenLine(what: string, { frozenSince, why }: SiteList["fleet"], remedy: string, nowMs: number): string {
  if (frozenSince === null) return "";
  const remains = `nothing that runs there is given away until they answer, or are declared gone: ${remedy}`;
  return `${printable(`${what} was frozen ${formatAgo(frozenSince, nowMs)}: ${why}; ${remains}`)}\n`;
}
