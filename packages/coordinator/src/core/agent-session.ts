import type { NodeLoss } from "@drover/shared/domain/attempt.ts";
import { incarnationOf, type AttemptId } from "@drover/shared/domain/ids.ts";
import type { AttemptReport, DesiredAttempt, HeldDesire, Hello } from "@drover/shared/protocol/messages.ts";
import { assignmentFor } from "./assignment.ts";
import { observeAttempt } from "./attempt-reports.ts";
import { pause } from "./cooldown.ts";
import type { Effects } from "./effects.ts";
import { endAttempt } from "./end-attempt.ts";
import type { Fleet, Instant, Presence } from "./fleet.ts";
import type { Happening } from "./input.ts";
import { suspectAfterMs, untilKilledMs } from "./liveness.ts";
import { conditionFrom, tellOfCondition } from "./node-changes.ts";
import { reconcilePlacements } from "./placements.ts";
import { stopWhatLostGpus } from "./stop-what-lost-gpus.ts";
import { moveLink } from "./node-link.ts";
import type { AttemptRecord, NodeRecord } from "./records.ts";
import { wordFor } from "./stop-attempt.ts";

/**
 * A node is (again) here and says all it has. Whatever happened on either side meanwhile, this one path
 * makes both agree: each of the node's attempts is taken over, continued, started, stopped or given up.
 */
export function agentHello(
  fleet: Fleet,
  { sessionId, hello, labels = {}, heardAt }: Extract<Happening, { type: "agentHello" }>,
  effects: Effects,
  now: Instant,
): void {
  const known = fleet.nodes.get(hello.nodeId);
  const presence = fleet.presences.get(hello.nodeId);
  const earlierSessionId = fleet.sessionIdOf(hello.nodeId);
  if (known && isOnAnotherMachine(known, hello)) {
    const detail = `${known.name} (${known.id}) is on machine ${known.machineId}, and this is ${hello.machineId}`;
    effects.refuse(sessionId, "agent.duplicateNode", detail);
    return;
  }
  if (known && earlierSessionId !== null && isTwin(fleet, known, hello, now)) {
    effects.refuse(sessionId, "agent.duplicateNode", `${known.name} (${known.id}) is connected from another boot`);
    return;
  }
  if (earlierSessionId !== null && earlierSessionId !== sessionId) {
    effects.close(earlierSessionId, "the node connected again");
  }
  fleet.sessions.put(hello.nodeId, {
    nodeId: hello.nodeId,
    sessionId,
    protocolVersion: hello.protocolVersion,
    keepsModels: hello.placements !== null,
  });
  fleet.greet(hello.nodeId, presenceFrom(presence, heardAt));
  const node = takeNodeOver(fleet, known, hello, labels, effects, now);
  const reports = new Map<AttemptId, AttemptReport>(hello.attempts.map((report) => [report.attemptId, report]));
  const held: HeldDesire[] = [];
  for (const attempt of fleet.attemptsOn(hello.nodeId)) {
    const next = reconcile(fleet, node, attempt, reports.get(attempt.id), effects, now);
    if (next?.desired === "run") effects.desire(hello.nodeId, next);
    else if (next) held.push(next);
  }
  if (hello.placements !== null) reconcilePlacements(fleet, node, hello.placements, effects, now);
  stopWhatLostGpus(fleet, node, effects);
  // What the agent has beyond these is over for the coordinator: unlisted, so the agent stops and drops it. Until
  // that is done its devices only look free: nothing new may be put on them.
  const isStillBusy = hello.attempts.some(({ attemptId, state }) => state !== "ended" && !fleet.isLive(attemptId));
  if (isStillBusy) pause(fleet, hello.nodeId, untilKilledMs(fleet.settings), now);
  effects.welcome(sessionId, held);
}

export function agentGone(
  fleet: Fleet,
  { sessionId, nodeId, reason }: Extract<Happening, { type: "agentGone" }>,
  effects: Effects,
  now: Instant,
): void {
  const node = fleet.nodes.get(nodeId);
  if (!node || fleet.sessionIdOf(nodeId) !== sessionId) return;
  fleet.sessions.put(nodeId, { nodeId, sessionId: null, protocolVersion: null, keepsModels: false });
  moveLink(fleet, node, "disconnected", now);
  effects.tell({ event: "node.disconnected", nodeId, nodeName: node.name, reason });
}

/**
 * Not from now on: a hello that has waited for the disk may be of a node that has long been silent again, and would make
 * it count as present (simulation seed 1867).
 */
function presenceFrom(before: Presence | undefined, heardAt: Instant): Presence {
  const isLatest = before === undefined || before.heardAtMonotonicMs <= heardAt.monotonicMs;
  return {
    heardAtMonotonicMs: isLatest ? heardAt.monotonicMs : before.heardAtMonotonicMs,
    leaseFromMonotonicMs: Math.max(heardAt.monotonicMs, before?.leaseFromMonotonicMs ?? 0),
    heardAtMs: isLatest ? heardAt.wallMs : before.heardAtMs,
    load: before?.load ?? null,
    attemptCount: null,
  };
}

/**
 * A cloned machine, whether the node is connected or not: while it is out of reach it still runs its
 * attempts, and to take the clone for the node after a reboot would start them a second time elsewhere.
 */
function isOnAnotherMachine(known: NodeRecord, { machineId }: Hello): boolean {
  // Of a machine that is lost and was declared gone it is known that it will not come back: this one replaces it.
  if (known.link === "lost" && known.goneSinceMs !== null) return false;
  return known.machineId !== null && machineId !== null && known.machineId !== machineId;
}

/**
 * A clone that does not say which machine it is, or says the same: it speaks with this node's id while the
 * node itself was heard from just now. A machine that really restarted is told the same until its old
 * connection has been silent for long enough.
 */
function isTwin(fleet: Fleet, known: NodeRecord, hello: Hello, now: Instant): boolean {
  const heardAtMs = fleet.presences.get(known.id)?.heardAtMonotonicMs;
  if (known.bootId === hello.bootId || heardAtMs === undefined) return false;
  return now.monotonicMs - heardAtMs <= suspectAfterMs(fleet.settings);
}

function takeNodeOver(
  fleet: Fleet,
  known: NodeRecord | undefined,
  hello: Hello,
  labels: NodeRecord["labels"],
  effects: Effects,
  now: Instant,
): NodeRecord {
  const { nodeId, name, bootId, site, agentVersion, capacity } = hello;
  const size = { cpuMilli: capacity.cpuMilli, memoryBytes: capacity.memoryBytes, gpuCount: capacity.gpuIds.length };
  if (!known) effects.tell({ event: "node.joined", nodeId, nodeName: name, ...size });
  if (known && known.bootId !== bootId) effects.tell({ event: "node.rebooted", nodeId, nodeName: name, bootId });
  const condition = conditionFrom(known, hello, now);
  tellOfCondition(known, condition, { id: nodeId, name }, effects);
  const node: NodeRecord = {
    id: nodeId,
    name,
    link: "online",
    linkSinceMs: known?.link === "online" ? known.linkSinceMs : now.wallMs,
    goneSinceMs: null,
    // What operators said of it holds, whatever becomes of its agent and its machine.
    admin: known?.admin ?? "schedulable",
    adminChange: known?.adminChange ?? null,
    agentVersion,
    bootId,
    // One that is not said (an older agent, one that may not read it) is no other one.
    machineId: hello.machineId ?? known?.machineId ?? null,
    site,
    labels,
    ...condition,
    // What the welcome grants; but an agent never shortens a lease that it has, so until its machine starts anew the
    // longest one that it was ever granted counts.
    leaseMs: Math.max(fleet.settings.leaseMs, known?.bootId === bootId ? known.leaseMs : 0),
    joinedAtMs: known?.joinedAtMs ?? now.wallMs,
  };
  fleet.nodes.put(nodeId, node);
  effects.tell({ event: "node.online", nodeId, nodeName: name, agentVersion });
  return node;
}

/** What should become of one attempt that the coordinator believes to be on the node. */
function reconcile(
  fleet: Fleet,
  node: NodeRecord,
  attempt: AttemptRecord,
  report: AttemptReport | undefined,
  effects: Effects,
  now: Instant,
): DesiredAttempt | null {
  if (report) {
    observeAttempt(fleet, attempt, report, effects, now);
    if (report.state === "ended") return { desired: "forget", attemptId: attempt.id };
    // An end that was on its disk before the restart is whole; only its output is still on the way.
    if (attempt.bootId !== node.bootId && report.outcome === null) {
      return giveUp(fleet, attempt, "rebooted", effects, now);
    }
    return attempt.stopCause === null
      ? { desired: "keep", attemptId: attempt.id }
      : { desired: "stop", attemptId: attempt.id, cause: wordFor(attempt.stopCause) };
  }
  // The node does not have it. It may be started only if it certainly never was: in this boot, never reported, and
  // made by this very start of the coordinator. (A power cut may lose an agent's spool, and with it the memory of a
  // start. A database that was restored from an older copy has lost the memory of what was reported: chaos seed 11.)
  if (attempt.bootId !== node.bootId) return giveUp(fleet, attempt, "rebooted", effects, now);
  if (attempt.startedAtMs !== null || attempt.state === "starting" || attempt.state === "releasing") {
    return giveUp(fleet, attempt, "forgotten", effects, now);
  }
  if (attempt.stopCause === null) {
    if (incarnationOf(attempt.id) !== fleet.settings.incarnation) {
      return giveUp(fleet, attempt, "forgotten", effects, now);
    }
    return { desired: "run", attemptId: attempt.id, assignment: assignmentFor(fleet, attempt) };
  }
  const end = {
    outcome: { type: wordFor(attempt.stopCause) },
    endedAtMs: now.wallMs,
    outputBytes: null,
    usage: null,
  } as const;
  endAttempt(fleet, attempt, end, effects, now);
  return null;
}

function giveUp(fleet: Fleet, attempt: AttemptRecord, code: NodeLoss, effects: Effects, now: Instant): null {
  const current = fleet.attempts.get(attempt.id) ?? attempt;
  const end = {
    outcome: { type: "nodeLost", code },
    endedAtMs: now.wallMs,
    outputBytes: null,
    usage: null,
  } as const;
  endAttempt(fleet, current, end, effects, now);
  return null;
}
