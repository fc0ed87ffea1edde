import { ACCESS_LOG_LINES } from "./access-log-lines.ts";
import { z } from "zod";
import { MODEL_EVENTS, MODEL_LOG_LINES } from "./model-events.ts";

/**
 * Every change of state in the fleet is exactly one of these: a row of the event stream and a line of
 * the coordinator's log, with the same name and fields. docs/events.md is generated from this table.
 */
const job = { jobId: z.int() };
const task = { ...job, taskIndex: z.int() };
const attempt = { ...task, attemptId: z.string(), nodeId: z.string(), nodeName: z.string() };
const node = { nodeId: z.string(), nodeName: z.string() };
const gpu = { ...node, gpuId: z.string() };
const health = {
  health: z.enum(["healthy", "degraded", "unhealthy"]),
  codes: z.array(z.string()),
  evidence: z.string(),
};
/** What an operator said, and why. */
const said = { actor: z.string(), reason: z.string().nullable() };
/** `site` is `null` for the fleet, and for the nodes that name no site. */
const site = { scope: z.enum(["site", "fleet"]), site: z.string().nullable() };

export const EVENTS = {
  "job.submitted": {
    level: "info",
    text: "job submitted",
    doc: "A job was accepted and is durable.",
    fields: z.object({ ...job, name: z.string().nullable(), taskCount: z.int(), actor: z.string() }),
  },
  "job.started": {
    level: "info",
    text: "job started",
    doc: "The first of the job's tasks was given to a node.",
    fields: z.object(job),
  },
  "job.cancelRequested": {
    level: "info",
    text: "job cancel requested",
    doc: "Somebody asked to cancel the job; what runs is being stopped.",
    fields: z.object({ ...job, actor: z.string() }),
  },
  "job.dependencyFailed": {
    level: "info",
    text: "job dependency failed",
    doc: "A job that this one comes after ended otherwise than its condition asks for: this one's tasks are canceled.",
    fields: z.object({
      ...job,
      dependencyJobId: z.int(),
      dependencyState: z.enum(["succeeded", "failed", "canceled"]),
    }),
  },
  "job.ended": {
    level: "info",
    text: "job ended",
    doc: "Every task of the job has ended.",
    fields: z.object({
      ...job,
      state: z.enum(["succeeded", "failed", "canceled"]),
      succeeded: z.int(),
      failed: z.int(),
      canceled: z.int(),
    }),
  },
  "task.requeued": {
    level: "info",
    text: "task requeued",
    doc: "An attempt ended and the retry policy gives the task another.",
    fields: z.object({ ...task, cause: z.string(), blame: z.string(), nextAttemptNumber: z.int() }),
  },
  "task.ended": {
    level: "info",
    text: "task ended",
    doc: "A task reached its final state.",
    fields: z.object({ ...task, state: z.enum(["succeeded", "failed", "canceled"]), cause: z.string() }),
  },
  "attempt.assigned": {
    level: "info",
    text: "attempt assigned",
    doc: "The scheduler gave a task to a node; the allocation is held from now on.",
    fields: z.object({
      ...attempt,
      cpuMilli: z.int(),
      memoryBytes: z.int(),
      gpuIds: z.array(z.string()),
      gpuMilli: z.int(),
    }),
  },
  "attempt.started": {
    level: "info",
    text: "attempt started",
    doc: "The attempt's command runs.",
    fields: z.object({ ...attempt, pid: z.int().nullable() }),
  },
  "attempt.stopping": {
    level: "info",
    text: "attempt stopping",
    doc: "The attempt was told to stop.",
    fields: z.object({ ...attempt, cause: z.string() }),
  },
  "attempt.ended": {
    level: "info",
    text: "attempt ended",
    doc: "Nothing of the attempt is left on its node, and its output is stored to the last byte.",
    fields: z.object({
      ...attempt,
      outcome: z.string(),
      exitCode: z.int().nullable(),
      blame: z.string(),
      outputBytes: z.int().nullable(),
    }),
  },
  "node.joined": {
    level: "info",
    text: "node joined",
    doc: "A node that the fleet did not know connected for the first time.",
    fields: z.object({ ...node, cpuMilli: z.int(), memoryBytes: z.int(), gpuCount: z.int() }),
  },
  "node.online": {
    level: "info",
    text: "node online",
    doc: "The node is connected and was heard from.",
    fields: z.object({ ...node, agentVersion: z.string() }),
  },
  "node.suspect": {
    level: "warn",
    text: "node suspect",
    doc: "The node is connected but its heartbeats are overdue.",
    fields: z.object({ ...node, silentMs: z.int() }),
  },
  "node.disconnected": {
    level: "warn",
    text: "node disconnected",
    doc: "The node's connection closed; its attempts are held until its lease has run out.",
    fields: z.object({ ...node, reason: z.string() }),
  },
  "node.lost": {
    level: "error",
    text: "node lost",
    doc: "The node's lease ran out: its attempts with onDisconnect=restart are given to other nodes.",
    fields: z.object({ ...node, silentMs: z.int() }),
  },
  "node.declaredGone": {
    level: "warn",
    text: "node declared gone",
    doc: "An operator said that the node will not come back: no freeze holds it any longer, and once its lease has run out all its attempts end, those with onDisconnect=wait too. Void when it says hello.",
    fields: z.object({ ...node, actor: z.string() }),
  },
  "node.cordoned": {
    level: "info",
    text: "node cordoned",
    doc: "An operator said that the node gets nothing new; what runs there goes on.",
    fields: z.object({ ...node, ...said }),
  },
  "node.draining": {
    level: "info",
    text: "node draining",
    doc: "An operator said that the node gets nothing new and is to become empty; what still runs at the deadline is stopped and queued again.",
    fields: z.object({ ...node, ...said, deadline: z.iso.datetime().nullable() }),
  },
  "node.drained": {
    level: "info",
    text: "node drained",
    doc: "Nothing is left on a node that was draining, by the coordinator's count and by its agent's; who asked for it, and why.",
    fields: z.object({ ...node, ...said }),
  },
  "node.uncordoned": {
    level: "info",
    text: "node uncordoned",
    doc: "An operator said that the node gets new work again.",
    fields: z.object({ ...node, ...said }),
  },
  "site.frozen": {
    level: "error",
    text: "site frozen",
    doc: "Many nodes of a site, or of the whole fleet (`scope`), are silent at once: none of them becomes lost and nothing of theirs is given away until enough of them are back or declared gone. `since`: when the first of them was last heard.",
    fields: z.object({
      ...site,
      why: z.string(),
      away: z.int(),
      present: z.int(),
      since: z.iso.datetime(),
    }),
  },
  "site.thawed": {
    level: "warn",
    text: "site thawed",
    doc: "Enough nodes of the site, or of the fleet, are back or declared gone; the lease of each that is still away begins anew.",
    fields: z.object({ ...site, away: z.int(), present: z.int(), frozenMs: z.int() }),
  },
  "node.rebooted": {
    level: "warn",
    text: "node rebooted",
    doc: "The machine restarted: whatever ran on it is gone.",
    fields: z.object({ ...node, bootId: z.string() }),
  },
  "node.healthChanged": {
    level: "warn",
    text: "node health changed",
    doc: "Another reason makes the node degraded or unhealthy, or one of them is over.",
    fields: z.object({ ...node, ...health }),
  },
  "node.hardwareAccepted": {
    level: "info",
    text: "node hardware accepted",
    doc: "An operator said that what the node shows now is all that it has; what was missing is forgotten.",
    fields: z.object({ ...node, actor: z.string(), gpuCount: z.int(), missingGpuIds: z.array(z.string()) }),
  },
  "gpu.healthChanged": {
    level: "warn",
    text: "gpu health changed",
    doc: "Another reason makes a GPU degraded or unhealthy, or one of them is over.",
    fields: z.object({ ...gpu, ...health }),
  },
  "gpu.released": {
    level: "warn",
    text: "gpu released",
    doc: "An operator gave a GPU back to the scheduler though memory of it is still taken by what an attempt left behind.",
    fields: z.object({ ...gpu, actor: z.string() }),
  },
  "gpu.missing": {
    level: "error",
    text: "gpu missing",
    doc: "A GPU that the node once had is no longer there.",
    fields: z.object({ ...gpu, model: z.string() }),
  },
  "gpu.found": {
    level: "info",
    text: "gpu found again",
    doc: "A GPU that was missing is there again.",
    fields: z.object({ ...gpu, model: z.string() }),
  },
  "node.hardwareChanged": {
    level: "warn",
    text: "node hardware changed",
    doc: "The node offers other resources than at its last hello.",
    fields: z.object({ ...node, cpuMilli: z.int(), memoryBytes: z.int(), gpuCount: z.int() }),
  },
  ...MODEL_EVENTS,
} as const satisfies Record<
  string,
  { level: "info" | "warn" | "error"; text: string; doc: string; fields: z.ZodObject }
>;

export type EventName = keyof typeof EVENTS;
export type EventFields<N extends EventName> = z.infer<(typeof EVENTS)[N]["fields"]>;

/** One change of state, as the core tells it. */
export type FleetEvent = { [N in EventName]: { event: N } & EventFields<N> }[EventName];

/**
 * Lines about the daemons themselves. They are logged but are no part of the fleet's event stream,
 * because they must be sayable when nothing can be stored.
 */
export const DAEMON_LOG_LINES = {
  "coordinator.listening": "The API is reachable; says where, and where the data lies.",
  "coordinator.notifyFailed": "systemd could not be told how the coordinator is; says why.",
  "coordinator.stopping": "A signal asked the coordinator to stop.",
  "coordinator.stopped": "Everything is written and closed.",
  "coordinator.stalled": "The coordinator itself was stopped or slow; every lease was extended by as much.",
  "store.commitFailed": "A turn could not be committed: nothing of it happened, its callers got a 503.",
  "store.pruneFailed": "Old events could not be dropped; it is tried again later.",
  "store.recovered": "Commits work again.",
  "store.checked": "The coordinator had not been stopped cleanly: its database was read through and is whole.",
  "store.restoreFinished":
    "A restore had been interrupted when its backup was already checked and in place; it is done now.",
  "store.restoreAbandoned":
    "A restore had been interrupted before it changed anything; run it again if it is still wanted.",
  "agent.refused": "A connection on /v1/agent was refused; says why and from where.",
  "output.distrusted":
    "The machine was restarted: output that was not yet safe on the disk is fetched again from the agents.",
  "output.writeFailed": "Output of an attempt could not be stored; the agent keeps it and sends it again.",
  ...ACCESS_LOG_LINES,
  "log.dropped": "Nobody read the log for so long that lines were dropped; the event stream has them.",
  "core.defect": "An input met a defect of the core: nothing of it happened, and everything else goes on.",
  "request.failed": "A request met a defect; the id is the one in the caller's problem document.",
  "agent.started": "The agent runs; says its node id and what it found of earlier attempts.",
  "agent.connected": "The agent is connected to the coordinator.",
  "agent.disconnected": "The connection is gone; says why and when it tries again.",
  "agent.refusedByCoordinator": "The coordinator does not want this agent; says why.",
  "agent.attemptStarted": "An attempt's command runs.",
  "agent.attemptEnded": "An attempt ended; says how.",
  "agent.attemptFailed": "The agent could not do its part for an attempt; says what.",
  "agent.leaseExpired":
    "No heartbeat was acknowledged for a whole lease: attempts with onDisconnect=restart are stopped.",
  "agent.leaseNotWritten":
    "A heartbeat was acknowledged and the lease could not be written down: the earlier one stands.",
  "agent.probeWarning": "A part of the hardware could not be read.",
  "agent.hardwareChanged":
    "A later look found other hardware than the one before: a GPU split, lost or found, a driver loaded.",
  "agent.gpuQuarantined": "Memory of a GPU was not given back after an attempt: nobody gets it; says who holds it.",
  "agent.watchTrouble": "A vendor's tool that is watched for the load ended or hangs; it is started again.",
  "agent.upgradeTakenBack":
    "Another version did not come online in time: this is the one of before; says what was seen.",
  "agent.notifyFailed": "systemd could not be told how the agent is; says why.",
  ...MODEL_LOG_LINES,
  "agent.stopping": "A signal asked the agent to stop; attempts go on under their supervisors.",
  "agent.stopped": "The agent has closed everything.",
} as const;
export type DaemonLogLine = keyof typeof DAEMON_LOG_LINES;
