import type { NodeId } from "@drover/shared/domain/ids.ts";
import type { Heartbeat } from "@drover/shared/protocol/messages.ts";
import { endCooldowns } from "./cooldown.ts";
import type { Effects } from "./effects.ts";
import { endAttempt } from "./end-attempt.ts";
import type { Fleet, FleetSettings, Instant } from "./fleet.ts";
import type { Happening } from "./input.ts";
import { moveLink } from "./node-link.ts";
import type { NodeRecord } from "./records.ts";
import { isFrozen, updateFreezes } from "./site-freeze.ts";

/** Clocks of either side may drift by 1 %: the coordinator waits by as much longer. */
const DRIFT_RATIO = 1.02;
/** For the node to notice, kill and reap once its lease and the grace of its attempts are over. */
const KILL_MARGIN_MS = 10_000;
const HEARTBEATS_UNTIL_SUSPECT = 3;
const HEARTBEATS_UNTIL_CLOSED = 6;

/** What a heartbeat says of the node. */
export type NodeReport = Pick<Heartbeat, "load" | "attemptCount">;

export function suspectAfterMs(settings: Pick<FleetSettings, "heartbeatIntervalMs">): number {
  return HEARTBEATS_UNTIL_SUSPECT * settings.heartbeatIntervalMs;
}

/** How long a node may need to stop, kill and reap what it was told to drop. */
export function untilKilledMs({ stopGraceMs }: Pick<FleetSettings, "stopGraceMs">): number {
  return stopGraceMs * DRIFT_RATIO + KILL_MARGIN_MS;
}

/** How long a node must be silent before what ran there under this lease is certainly dead. */
export function lostAfterMs({ leaseMs, stopGraceMs }: Pick<FleetSettings, "leaseMs" | "stopGraceMs">): number {
  return (leaseMs + stopGraceMs) * DRIFT_RATIO + KILL_MARGIN_MS;
}

/**
 * A heartbeat of the node's current session; says whether it was one, and so may be acknowledged.
 * Durable it need not be: after a restart of the coordinator every lease begins anew.
 */
export function heardFrom(
  fleet: Fleet,
  nodeId: NodeId,
  sessionId: number,
  { load, attemptCount }: NodeReport,
  now: Instant,
): boolean {
  if (fleet.sessionIdOf(nodeId) !== sessionId) return false;
  const { monotonicMs, wallMs } = now;
  fleet.presences.set(nodeId, {
    heardAtMonotonicMs: monotonicMs,
    leaseFromMonotonicMs: monotonicMs,
    heardAtMs: wallMs,
    load,
    attemptCount,
  });
  return true;
}

/** What was heard in the first moment after a stall is not to be heard in the future (simulation seed 1311368684). */
function later(monotonicMs: number, stalledMs: number, now: Instant): number {
  return Math.min(now.monotonicMs, monotonicMs + stalledMs);
}

/** The coordinator itself was stopped or slow for so long: nobody else's silence counts for that time. */
export function extendLeases(fleet: Fleet, stalledMs: number, now: Instant): void {
  const extended = (monotonicMs: number) => later(monotonicMs, stalledMs, now);
  for (const [nodeId, presence] of fleet.presences) {
    fleet.presences.set(nodeId, {
      ...presence,
      heardAtMonotonicMs: extended(presence.heardAtMonotonicMs),
      leaseFromMonotonicMs: extended(presence.leaseFromMonotonicMs),
    });
  }
}

/** The same for a hello that waits for the disk: of a node that is not known yet there is no lease (simulation seed 744). */
export function heardAfterStall(happening: Happening, stalledMs: number, now: Instant): Happening {
  if (happening.type !== "agentHello") return happening;
  const { heardAt } = happening;
  return { ...happening, heardAt: { ...heardAt, monotonicMs: later(heardAt.monotonicMs, stalledMs, now) } };
}

export function checkLeases(fleet: Fleet, effects: Effects, now: Instant): void {
  const { heartbeatIntervalMs } = fleet.settings;
  const suspectMs = suspectAfterMs(fleet.settings);
  endCooldowns(fleet, now);
  updateFreezes(fleet, suspectMs, effects, now);
  for (const node of fleet.nodes.values()) {
    const presence = fleet.presences.get(node.id);
    if (!presence) continue;
    const silentMs = Math.round(now.monotonicMs - presence.heardAtMonotonicMs);
    const told = { nodeId: node.id, nodeName: node.name };
    const sessionId = fleet.sessionIdOf(node.id);
    const isConnected = node.link === "online" || node.link === "suspect";
    if (isConnected && sessionId === null) {
      moveLink(fleet, node, "disconnected", now);
      effects.tell({ event: "node.disconnected", ...told, reason: "it has no connection" });
    } else if (node.link === "online" && silentMs > suspectMs) {
      moveLink(fleet, node, "suspect", now);
      effects.tell({ event: "node.suspect", ...told, silentMs });
    } else if (node.link === "suspect" && silentMs <= suspectMs) {
      moveLink(fleet, node, "online", now);
      effects.tell({ event: "node.online", ...told, agentVersion: node.agentVersion });
    } else if (
      node.link === "suspect" &&
      silentMs > HEARTBEATS_UNTIL_CLOSED * heartbeatIntervalMs &&
      sessionId !== null
    ) {
      // A connection that is open on one side only: its closing is what makes the node disconnected.
      effects.close(sessionId, "no heartbeat");
    } else if (!isFrozen(fleet, node)) {
      loseIfLeaseIsOver(fleet, node, effects, now);
    }
  }
}

/** The coordinator has just started: nobody is connected, and every lease counts from now. */
export function forgetConnections(fleet: Fleet, effects: Effects, now: Instant): void {
  fleet.startedAt = now;
  for (const node of fleet.nodes.values()) {
    fleet.sessions.put(node.id, { nodeId: node.id, sessionId: null, protocolVersion: null, keepsModels: false });
    fleet.presences.set(node.id, {
      heardAtMonotonicMs: now.monotonicMs,
      leaseFromMonotonicMs: now.monotonicMs,
      heardAtMs: null,
      load: null,
      attemptCount: null,
    });
    if (node.link !== "online" && node.link !== "suspect") continue;
    moveLink(fleet, node, "disconnected", now);
    effects.tell({
      event: "node.disconnected",
      nodeId: node.id,
      nodeName: node.name,
      reason: "the coordinator restarted",
    });
  }
}

/** A node that is not connected becomes lost when what ran there under its lease is certainly dead. */
export function loseIfLeaseIsOver(fleet: Fleet, node: NodeRecord, effects: Effects, now: Instant): void {
  const presence = fleet.presences.get(node.id);
  if (node.link !== "disconnected" || !presence) return;
  const { leaseMs } = node;
  const { stopGraceMs } = fleet.settings;
  const { heardAtMonotonicMs, leaseFromMonotonicMs } = presence;
  // The time that a thaw adds is for those that may come back.
  const fromMs = node.goneSinceMs === null ? leaseFromMonotonicMs : heardAtMonotonicMs;
  if (now.monotonicMs - fromMs <= lostAfterMs({ leaseMs, stopGraceMs })) return;
  const silentMs = Math.round(now.monotonicMs - heardAtMonotonicMs);
  moveLink(fleet, node, "lost", now);
  effects.tell({ event: "node.lost", nodeId: node.id, nodeName: node.name, silentMs });
  giveUpAttempts(fleet, node, effects, now);
}

/** Of a node that is lost. */
export function giveUpAttempts(fleet: Fleet, node: NodeRecord, effects: Effects, now: Instant): void {
  const isGone = node.goneSinceMs !== null;
  for (const attempt of fleet.attemptsOn(node.id)) {
    // `wait` goes on running there, and is never started elsewhere behind its back: unless an operator says so.
    if (!isGone && fleet.jobs.get(attempt.jobId)?.spec.onDisconnect === "wait") continue;
    const end = {
      outcome: { type: "nodeLost", code: isGone ? "declaredGone" : "leaseExpired" },
      endedAtMs: now.wallMs,
      outputBytes: null,
      usage: null,
    } as const;
    endAttempt(fleet, attempt, end, effects, now);
  }
}
