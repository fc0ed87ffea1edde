import { ACCESS_ERRORS } from "./access-errors.ts";
import { MODEL_ERRORS } from "./model-errors.ts";

/**
 * Every error a person can meet. The code never changes its meaning; the message of one occurrence says
 * which thing it was; `advice` is what to do about it. docs/errors.md is generated from this table.
 */
export const ERRORS = {
  "request.invalid": {
    httpStatus: 400,
    meaning: "The request does not fit the API's schema.",
    advice: "Correct the fields that `issues` names.",
  },
  "request.malformedJson": { httpStatus: 400, meaning: "The body is not JSON.", advice: "Send a JSON document." },
  "request.tooLarge": {
    httpStatus: 413,
    meaning: "The body is over 1 MiB.",
    advice: "Put large data in files or in a store that the job reads.",
  },
  "request.unsupportedMediaType": {
    httpStatus: 415,
    meaning: "The body's content type is not application/json.",
    advice: "Send `content-type: application/json`.",
  },
  "request.forbiddenHost": {
    httpStatus: 403,
    meaning: "The Host header names neither loopback nor the listen address.",
    advice: "Use the address that the coordinator listens on.",
  },
  "route.notFound": {
    httpStatus: 404,
    meaning: "There is no such path or method.",
    advice: "See /openapi.json for what there is.",
  },
  ...ACCESS_ERRORS,
  "job.notFound": { httpStatus: 404, meaning: "No job has this id.", advice: "List the jobs: `drover jobs`." },
  "task.notFound": {
    httpStatus: 404,
    meaning: "The job has no task of this index.",
    advice: "Task indexes run from 0 to the array's size less one.",
  },
  "attempt.notFound": {
    httpStatus: 404,
    meaning: "The task has no attempt of this number.",
    advice: "Attempts are numbered from 1; `drover job ID` lists them.",
  },
  "output.notFound": {
    httpStatus: 404,
    meaning: "The task has not started, so it has no output yet.",
    advice: "To wait for it, follow it: `drover output ID -f`, or `follow=true`.",
  },
  "output.missing": {
    httpStatus: 410,
    meaning: "The attempt wrote more than what lies in the coordinator's data directory.",
    advice: "Copy the folder `output` back from where it was saved; see docs/operations.md.",
  },
  "output.offsetBeyondEnd": {
    httpStatus: 416,
    meaning: "The offset lies beyond the last byte there is.",
    advice: "Resume at the number of bytes you have.",
  },
  "node.notFound": {
    httpStatus: 404,
    meaning: "No node has this id or name.",
    advice: "List the nodes: `drover nodes`.",
  },
  "node.nameAmbiguous": { httpStatus: 409, meaning: "Several nodes have this name.", advice: "Use the node's id." },
  "node.stillOnline": {
    httpStatus: 409,
    meaning: "A node that is online cannot be declared gone.",
    advice: "Drain it: `drover node drain NAME`; or stop its agent first.",
  },
  "node.notConnected": {
    httpStatus: 409,
    meaning: "The node is not connected, so it cannot be asked.",
    advice: "Look at its agent, or run `drover-agent doctor` on the machine itself.",
  },
  "node.agentTooOld": {
    httpStatus: 409,
    meaning: "The node's agent does not know what it is asked.",
    advice: "Upgrade it, or run `drover-agent doctor` on the machine itself.",
  },
  "node.notCordoned": {
    httpStatus: 409,
    meaning: "The node may get a task at any moment, and a burn test would share its GPU with it.",
    advice: "Cordon the node first: `drover node cordon`.",
  },
  "node.noAnswer": {
    httpStatus: 504,
    meaning: "The node did not answer in time.",
    advice: "Ask again; look at its agent's log, or run `drover-agent doctor` on the machine itself.",
  },
  "node.diagnosisFailed": {
    httpStatus: 502,
    meaning: "The node could not look at itself.",
    advice: "Run `drover-agent doctor` on the machine itself.",
  },
  "node.upgradeFailed": {
    httpStatus: 502,
    meaning: "The node could not become another version; it goes on as what it is.",
    advice: "Mend what the message names and upgrade again, or run the install script on the machine.",
  },
  "upgrade.failed": {
    httpStatus: null,
    meaning: "This agent could not be made another version; it is what it was.",
    advice: "Mend what the message names, or run the install script again.",
  },
  "gpu.notFound": {
    httpStatus: 404,
    meaning: "The node has no GPU with this index or id.",
    advice: "See which it has: `drover node NAME`.",
  },
  "gpu.notQuarantined": {
    httpStatus: 409,
    meaning: "The GPU is not in quarantine, so there is nothing to release.",
    advice: "See what keeps it from being given away: `drover node NAME`.",
  },
  "site.notFound": {
    httpStatus: 404,
    meaning: "No node is of this site.",
    advice: "List the sites: `drover sites`; `-` means the nodes that name none.",
  },
  "site.stillOnline": {
    httpStatus: 409,
    meaning: "A site of which a node is online cannot be declared gone.",
    advice: "Declare the nodes that will not come back one by one: `drover node gone NAME`.",
  },
  "job.tooManyHot": {
    httpStatus: 429,
    meaning: "More tasks are waiting or running than the coordinator holds in memory.",
    advice: "Submit again when some have ended.",
  },
  "dependency.notFound": {
    httpStatus: 422,
    meaning: "A job that `after` names does not exist.",
    advice: "Submit that job first, then name the id that it got; `drover jobs` lists them.",
  },
  "idempotency.mismatch": {
    httpStatus: 422,
    meaning: "This Idempotency-Key was used before, with another request.",
    advice: "Use a new key for a new job.",
  },
  "storage.full": {
    httpStatus: 503,
    meaning: "The coordinator's disk is full; nothing was accepted.",
    advice: "Free space in the data directory; the coordinator goes on by itself.",
  },
  "storage.failed": {
    httpStatus: 503,
    meaning: "The coordinator could not write to its store; nothing was accepted.",
    advice:
      "See the coordinator's log for the cause, then submit again, with an Idempotency-Key: see docs/operations.md.",
  },
  "storage.damaged": {
    httpStatus: 503,
    meaning: "The coordinator's database is damaged; what needs the damaged part is refused.",
    advice: "Stop the coordinator, then restore a backup: `drover-coordinator restore FILE`.",
  },
  "coordinator.stopping": {
    httpStatus: 503,
    meaning: "The coordinator is shutting down; nothing was accepted.",
    advice: "Submit again when it is back.",
  },
  "coordinator.unreachable": {
    httpStatus: null,
    meaning: "No coordinator answers at the address.",
    advice: "Start it, or set --coordinator or DROVER_COORDINATOR.",
  },
  internal: {
    httpStatus: 500,
    meaning: "A defect in Drover.",
    advice: "Look for the request id in the coordinator's log and report it.",
  },
  "dataDir.locked": {
    httpStatus: null,
    meaning: "Another process of the same kind uses this data directory.",
    advice: "Stop it, or choose another directory with --data-dir.",
  },
  "dataDir.newer": {
    httpStatus: null,
    meaning: "A newer version of Drover wrote this data directory.",
    advice: "Run that version or a newer one.",
  },
  "dataDir.damaged": {
    httpStatus: null,
    meaning: "The database in the data directory is damaged, or is not the one that the coordinator left there.",
    advice: "Restore a backup: `drover-coordinator restore FILE`. Without one, see docs/operations.md.",
  },
  "dataDir.noDatabase": {
    httpStatus: null,
    meaning: "No coordinator has ever kept its state in this directory.",
    advice: "Name the coordinator's directory with --data-dir or DROVER_DATA_DIR.",
  },
  "dataDir.unusable": {
    httpStatus: null,
    meaning: "The data directory cannot be read or written.",
    advice: "Check its owner, its permissions and the disk.",
  },
  "backup.invalid": {
    httpStatus: null,
    meaning: "The file is not a whole backup of Drover's database; nothing was changed.",
    advice: "Restore another backup.",
  },
  "backup.newer": {
    httpStatus: null,
    meaning: "A newer version of Drover made the backup; nothing was changed.",
    advice: "Restore it with that version or a newer one.",
  },
  "backup.unusable": {
    httpStatus: null,
    meaning: "The backup's file cannot be read or written.",
    advice: "Check its path, its permissions and the space on its disk.",
  },
  "config.invalid": {
    httpStatus: null,
    meaning: "An option or environment variable has an impossible value.",
    advice: "See --help.",
  },
  "artifacts.notFound": {
    httpStatus: 404,
    meaning: "The coordinator has no such file of a release to hand out.",
    advice:
      "Put a release where it looks: `npm run release -- DATA_DIR/artifacts`, or name its folder with --artifacts.",
  },
  "agent.protocolUnsupported": {
    httpStatus: null,
    meaning: "Agent and coordinator speak no common protocol version.",
    advice: "Upgrade the older of the two.",
  },
  ...MODEL_ERRORS,
  "agent.malformedMessage": {
    httpStatus: null,
    meaning: "A frame on the agent's connection is not of the protocol.",
    advice: "Check what connects to /v1/agent; an agent of this release never sends it.",
  },
  "agent.helloExpected": {
    httpStatus: null,
    meaning: "The first frame of an agent's connection was no hello.",
    advice: "Check what connects to /v1/agent.",
  },
  "agent.duplicateNode": {
    httpStatus: null,
    meaning: "Another machine is known under this node's id.",
    advice:
      "If this machine is a clone, or took its data directory over from another, delete node.json there and start the agent again: it joins as a node of its own. If it replaces the other for good, say `drover node gone NAME`: it is let in when the other is lost.",
  },
  "agent.supervisorMissing": {
    httpStatus: null,
    meaning: "The supervisor program is not beside the agent.",
    advice: "Build it with `npm start`, or set DROVER_SUPERVISOR to its path.",
  },
} as const satisfies Record<string, { httpStatus: number | null; meaning: string; advice: string }>;
export type ErrorCode = keyof typeof ERRORS;
