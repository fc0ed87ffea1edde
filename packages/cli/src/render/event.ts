import type { StoredEvent } from "@drover/shared/api/events.ts";
import { assertNever } from "@drover/shared/assert.ts";
import { EVENTS, type EventName, type FleetEvent } from "@drover/shared/events.ts";
import { formatBytes, formatDuration } from "@drover/shared/units.ts";
import { describeFailedDependency } from "./dependency.ts";
import { printable } from "./printable.ts";
import { formatResources } from "@drover/shared/domain/format-resources.ts";
import { formatTimeOfDay } from "./time.ts";

const SUBJECT_WIDTH = 10;

/** One line for people: `17:30:02  task 12.3   started on gpu-01 (attempt 1)`. */
export function renderEvent(event: StoredEvent): string {
  const { subject, text } = describeEvent(event);
  return `${formatTimeOfDay(event.time)}  ${printable(`${subject.padEnd(SUBJECT_WIDTH)}  ${text}`)}\n`;
}

/** What an event is about, and what happened to it. */
export function describeEvent(event: StoredEvent): { subject: string; text: string } {
  const known = asFleetEvent(event);
  if (known) return { subject: subjectOf(known), text: textOf(known) };
  // A coordinator newer than this program may tell of things it does not know.
  const { id: _id, time: _time, event: name, ...fields } = event;
  return { subject: name, text: JSON.stringify(fields) };
}

function asFleetEvent(event: StoredEvent): FleetEvent | null {
  if (!Object.hasOwn(EVENTS, event.event)) return null;
  const name = event.event as EventName;
  const fields = EVENTS[name].fields.safeParse(event);
  return fields.success ? ({ event: name, ...fields.data } as FleetEvent) : null;
}

function subjectOf(event: FleetEvent): string {
  if ("taskIndex" in event) return `task ${event.jobId}.${event.taskIndex}`;
  if ("jobId" in event) return `job ${event.jobId}`;
  if (event.event === "gpu.healthChanged") return `node ${event.nodeName} ${event.gpuId}`;
  if ("nodeName" in event) return `node ${event.nodeName}`;
  if ("modelName" in event) return `model ${event.modelName}`;
  return event.scope === "fleet" ? "the fleet" : `site ${event.site ?? "-"}`;
}

function textOf(event: FleetEvent): string {
  switch (event.event) {
    case "job.submitted":
      return `submitted${event.name === null ? "" : ` as "${event.name}"`}, ${count(event.taskCount, "task")}`;
    case "job.started":
      return "started";
    case "job.cancelRequested":
      return `cancel requested by ${event.actor}`;
    case "job.dependencyFailed":
      return `cannot run: ${describeFailedDependency({ jobId: event.dependencyJobId, state: event.dependencyState })}`;
    case "job.ended":
      return `${event.state}: ${event.succeeded} succeeded, ${event.failed} failed, ${event.canceled} canceled`;
    case "task.requeued":
      return `queued again for attempt ${event.nextAttemptNumber}: ${event.cause}, blame ${event.blame}`;
    case "task.ended":
      return event.state === "succeeded" ? "succeeded" : `${event.state}: ${event.cause}`;
    case "attempt.assigned": {
      const { cpuMilli, memoryBytes, gpuIds, gpuMilli } = event;
      return `assigned to ${onNode(event)}, holds ${formatResources({ cpuMilli, memoryBytes, gpuCount: gpuIds.length, gpuMilli })}`;
    }
    case "attempt.started":
      return `started on ${onNode(event)}${event.pid === null ? "" : `, pid ${event.pid}`}`;
    case "attempt.stopping":
      return `stopping on ${onNode(event)}: ${event.cause}`;
    case "attempt.ended":
      return `${endOf(event.outcome, event.exitCode)} on ${onNode(event)}${outputOf(event.outputBytes)}`;
    case "node.joined":
    case "node.hardwareChanged": {
      const { cpuMilli, memoryBytes, gpuCount } = event;
      const verb = event.event === "node.joined" ? "joined with" : "now has";
      return `${verb} ${formatResources({ cpuMilli, memoryBytes, gpuCount })}`;
    }
    case "node.online":
      return `online, agent ${event.agentVersion}`;
    case "node.suspect":
      return `suspect: silent for ${formatDuration(event.silentMs)}`;
    case "node.disconnected":
      return `disconnected: ${event.reason}`;
    case "node.lost":
      return `lost: silent for ${formatDuration(event.silentMs)}`;
    case "node.healthChanged":
    case "gpu.healthChanged":
      return event.codes.length === 0 ? event.health : `${event.health}: ${event.codes.join(", ")} (${event.evidence})`;
    case "node.hardwareAccepted":
      return `hardware accepted as it is by ${event.actor}, ${count(event.gpuCount, "GPU")}`;
    case "gpu.missing":
      return `missing: ${event.model} ${event.gpuId}`;
    case "gpu.found":
      return `found again: ${event.model} ${event.gpuId}`;
    case "gpu.released":
      return `released by ${event.actor} as it is: ${event.gpuId}`;
    case "node.declaredGone":
      return `declared gone by ${event.actor}`;
    case "node.cordoned":
      return `cordoned ${saidBy(event)}`;
    case "node.draining":
      return `draining ${saidBy(event)}${event.deadline === null ? "" : `, until ${formatTimeOfDay(event.deadline)}`}`;
    case "node.drained":
      return "drained: nothing is left there";
    case "node.uncordoned":
      return `takes new work again ${saidBy(event)}`;
    case "site.frozen":
      return `frozen: ${event.why}`;
    case "site.thawed":
      return `no longer frozen after ${formatDuration(event.frozenMs)}: ${event.present} nodes are here, ${event.away} away`;
    case "node.rebooted":
      return "rebooted: what ran there is gone";
    case "model.added":
      return `added by ${event.actor}: ${event.source}, ${count(event.fileCount, "file")}, ${formatBytes(event.sizeBytes)}`;
    case "placement.wanted":
    case "placement.pulling":
    case "placement.verifying":
    case "placement.ready":
    case "placement.evicting":
    case "placement.gone":
      return `${event.event.slice("placement.".length)}: model ${modelOf(event)}`;
    case "placement.failed": {
      const again = event.retryAt === null ? "" : `, again at ${formatTimeOfDay(event.retryAt)}`;
      return `failed: model ${modelOf(event)}: ${event.code} (${event.reason})${again}`;
    }
    case "model.removed":
      return `removed by ${event.actor}`;
    default:
      return assertNever(event);
  }
}

function modelOf({ models, revisionId }: { models: string[]; revisionId: string }): string {
  return models.join(", ") || revisionId;
}

function onNode({ nodeName, attemptId }: { nodeName: string; attemptId: string }): string {
  return `${nodeName} (${attemptId})`;
}

function endOf(outcome: string, exitCode: number | null): string {
  return exitCode === null ? `ended (${outcome})` : `exited with ${exitCode}`;
}

function saidBy({ actor, reason }: { actor: string; reason: string | null }): string {
  return reason === null ? `by ${actor}` : `by ${actor}: ${reason}`;
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}

/** Nobody can say it of an attempt whose node was lost. */
function outputOf(outputBytes: number | null): string {
  return outputBytes === null ? "" : `, ${formatBytes(outputBytes)} of output`;
}
