import type { Effects } from "./effects.ts";
import type { Fleet, Instant } from "./fleet.ts";
import type { Freeze, NodeRecord } from "./records.ts";

/** One silent node is no mass: a machine may die. */
const MIN_AWAY = 2;

type Scope = Pick<Freeze, "scope" | "site">;
type Count = Pick<Freeze, "awayCount" | "presentCount">;

/**
 * The guard against giving the work of a whole site away because its network failed: while two or more of a
 * site's nodes, and at least half of them, are silent, the site is frozen, and none of its nodes becomes lost.
 * The same for the whole fleet, where several sites each lose too few to be frozen alone.
 *
 * Called at every tick, before the leases are judged.
 */
export function updateFreezes(fleet: Fleet, suspectAfterMs: number, effects: Effects, now: Instant): void {
  const judge = (scope: Scope, nodes: readonly NodeRecord[]) =>
    judgeScope(fleet, scope, nodes, { suspectAfterMs, effects, now });
  // A node that is lost already has nothing to lose, and says nothing about the network of today; and of one
  // that was declared gone it is known why it is silent.
  const nodes = [...fleet.nodes.values()].filter((node) => node.link !== "lost" && node.goneSinceMs === null);
  const nodesOf = Map.groupBy(nodes, (node) => node.site);
  for (const site of new Set([...nodesOf.keys(), ...frozenSites(fleet)])) {
    judge({ scope: "site", site }, nodesOf.get(site) ?? []);
  }
  // Whoever is silent in a frozen site is accounted for: what is frozen is told once.
  judge(
    WHOLE_FLEET,
    nodes.filter((node) => siteFreeze(fleet, node.site) === null),
  );
}

/** As long as it is, silence is no reason to give away what runs on the node. */
export function isFrozen(fleet: Fleet, node: NodeRecord): boolean {
  if (node.goneSinceMs !== null) return false;
  return siteFreeze(fleet, node.site) !== null || fleetFreeze(fleet) !== null;
}

export function siteFreeze(fleet: Fleet, site: string | null): Freeze | null {
  return currentFreeze(fleet, { scope: "site", site });
}

export function fleetFreeze(fleet: Fleet): Freeze | null {
  return currentFreeze(fleet, WHOLE_FLEET);
}

export function whyFrozen({ awayCount, presentCount }: Count): string {
  const count = awayCount + presentCount;
  return `${awayCount} of ${count} nodes are silent: more likely a network fault than so many dead machines`;
}

const WHOLE_FLEET: Scope = { scope: "fleet", site: null };

/** No site has a name with a space. */
function keyOf({ scope, site }: Scope): string {
  return site === null ? scope : `${scope} ${site}`;
}

function currentFreeze(fleet: Fleet, scope: Scope): Freeze | null {
  const freeze = fleet.freezes.get(keyOf(scope));
  return freeze && !freeze.isOver ? freeze : null;
}

function frozenSites(fleet: Fleet): (string | null)[] {
  return [...fleet.freezes.values()].filter(({ scope }) => scope === "site").map(({ site }) => site);
}

interface Judging {
  suspectAfterMs: number;
  effects: Effects;
  now: Instant;
}

function judgeScope(fleet: Fleet, scope: Scope, nodes: readonly NodeRecord[], judging: Judging): void {
  const { suspectAfterMs, effects, now } = judging;
  const silentMs = (node: NodeRecord) => now.monotonicMs - (fleet.presences.get(node.id)?.heardAtMonotonicMs ?? 0);
  const away = nodes.filter((node) => silentMs(node) > suspectAfterMs);
  const count: Count = { awayCount: away.length, presentCount: nodes.length - away.length };
  const current = currentFreeze(fleet, scope);
  if (count.awayCount >= MIN_AWAY && count.awayCount >= count.presentCount) {
    freeze(fleet, { ...scope, ...count }, current, Math.max(...away.map(silentMs)), effects, now);
  } else if (current) {
    thaw(fleet, { ...current, ...count }, away, effects, now);
  }
}

function freeze(
  fleet: Fleet,
  counted: Scope & Count,
  current: Freeze | null,
  silentMs: number,
  effects: Effects,
  now: Instant,
): void {
  const { scope, site, awayCount, presentCount } = counted;
  if (current?.awayCount === awayCount && current.presentCount === presentCount) return;
  const began = current ?? { sinceMs: now.wallMs, sinceMonotonicMs: now.monotonicMs };
  const { sinceMs, sinceMonotonicMs } = began;
  fleet.freezes.put(keyOf(counted), { ...counted, sinceMs, sinceMonotonicMs, isOver: false });
  if (current) return;
  effects.tell({
    event: "site.frozen",
    scope,
    site,
    why: whyFrozen(counted),
    away: awayCount,
    present: presentCount,
    since: new Date(now.wallMs - silentMs).toISOString(),
  });
}

/**
 * Enough of them are back, or declared gone. The others get a whole lease from now on: each comes back after a
 * pause of its own, seconds later, and its lease may have run out while the site was frozen.
 */
function thaw(fleet: Fleet, frozen: Freeze, stillAway: readonly NodeRecord[], effects: Effects, now: Instant): void {
  fleet.freezes.put(keyOf(frozen), { ...frozen, isOver: true });
  for (const { id } of stillAway) {
    const presence = fleet.presences.get(id);
    if (presence) fleet.presences.set(id, { ...presence, leaseFromMonotonicMs: now.monotonicMs });
  }
  effects.tell({
    event: "site.thawed",
    scope: frozen.scope,
    site: frozen.site,
    away: frozen.awayCount,
    present: frozen.presentCount,
    frozenMs: Math.round(now.monotonicMs - frozen.sinceMonotonicMs),
  });
}
