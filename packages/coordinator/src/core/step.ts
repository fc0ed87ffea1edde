import { assertNever } from "@drover/shared/assert.ts";
import { agentGone, agentHello } from "./agent-session.ts";
import { attemptReports } from "./attempt-reports.ts";
import { cancelJob } from "./cancel-job.ts";
import { declareNodeGone, declareSiteGone } from "./declare-gone.ts";
import { advanceDrains } from "./drain.ts";
import type { Effects } from "./effects.ts";
import { endDependents } from "./end-dependents.ts";
import type { Fleet, Instant } from "./fleet.ts";
import type {
  Command,
  CommandResult,
  Happening,
  Input,
  JobCommand,
  JobCommandResult,
  ModelCommand,
  ModelCommandResult,
  NodeCommand,
  NodeCommandResult,
} from "./input.ts";
import { checkLeases, forgetConnections } from "./liveness.ts";
import { addModel, removeModel } from "./models.ts";
import { placeModel, unplaceModel } from "./place-model.ts";
import { placementReports } from "./placements.ts";
import { acceptHardware, nodeChanges } from "./node-changes.ts";
import { releaseGpu } from "./release-gpu.ts";
import { setNodeAdmin } from "./set-node-admin.ts";
import { stageModels } from "./stage-models.ts";
import { submitJob } from "./submit-job.ts";

/**
 * One input changes the fleet and says what should happen outside. Deterministic: no clock, no
 * randomness, no I/O; the same fleet and inputs give the same changes and effects.
 */
export function step(fleet: Fleet, input: JobCommand, effects: Effects, now: Instant): JobCommandResult;
export function step(fleet: Fleet, input: NodeCommand, effects: Effects, now: Instant): NodeCommandResult;
export function step(fleet: Fleet, input: ModelCommand, effects: Effects, now: Instant): ModelCommandResult;
export function step(fleet: Fleet, input: Command, effects: Effects, now: Instant): CommandResult;
export function step(fleet: Fleet, input: Happening, effects: Effects, now: Instant): null;
export function step(fleet: Fleet, input: Input, effects: Effects, now: Instant): CommandResult | null;
export function step(fleet: Fleet, input: Input, effects: Effects, now: Instant): CommandResult | null {
  const result = take(fleet, input, effects, now);
  endDependents(fleet, effects, now);
  return result;
}

function take(fleet: Fleet, input: Input, effects: Effects, now: Instant): CommandResult | null {
  switch (input.type) {
    case "submitJob":
      return submitJob(fleet, input, effects, now);
    case "cancelJob":
      return cancelJob(fleet, input, effects, now);
    case "addModel":
      return addModel(fleet, input, effects, now);
    case "removeModel":
      return removeModel(fleet, input, effects);
    case "placeModel":
      return placeModel(fleet, input, effects, now);
    case "unplaceModel":
      return unplaceModel(fleet, input, effects, now);
    case "placementReports":
      placementReports(fleet, input, effects, now);
      return null;
    case "acceptHardware":
      return acceptHardware(fleet, input, effects);
    case "releaseGpu":
      return releaseGpu(fleet, input, effects);
    case "nodeChanges":
      nodeChanges(fleet, input, effects, now);
      return null;
    case "setNodeAdmin":
      return setNodeAdmin(fleet, input, effects, now);
    case "declareNodeGone":
      return declareNodeGone(fleet, input, effects, now);
    case "declareSiteGone":
      return declareSiteGone(fleet, input, effects, now);
    case "agentHello":
      agentHello(fleet, input, effects, now);
      return null;
    case "attemptReports":
      attemptReports(fleet, input, effects, now);
      return null;
    case "agentGone":
      agentGone(fleet, input, effects, now);
      return null;
    case "tick":
      checkLeases(fleet, effects, now);
      advanceDrains(fleet, effects, now);
      stageModels(fleet, effects, now);
      return null;
    case "restarted":
      forgetConnections(fleet, effects, now);
      return null;
    default:
      return assertNever(input);
  }
}
