import { Role } from "../domain/role.ts";

export interface RouteAccess {
  /** The least role that may; `null`: anybody, without a token. */
  role: Role | null;
  /** Roles below operator only where the job is their own. */
  ownJobsOnly?: true;
  /** What the audit trail calls it. */
  action: string;
  doc: string;
}

/**
 * Every route of the HTTP API, and who may use it. The coordinator refuses to start with a route that is not
 * here, and a test walks all of it with every role. docs/access.md is generated from this table.
 */
export const ROUTES = {
  "GET /healthz": { role: null, action: "health.read", doc: "Whether the process is up." },
  "GET /readyz": { role: null, action: "health.read", doc: "Whether it can serve." },
  "GET /openapi.json": { role: null, action: "api.read", doc: "The API's description." },
  "GET /install.sh": { role: null, action: "artifact.read", doc: "The script that makes a machine a node." },
  "GET /artifacts/:file": { role: null, action: "artifact.read", doc: "What the script fetches, and its checksums." },
  "GET /metrics": { role: Role.viewer, action: "metrics.read", doc: "Prometheus text." },
  "GET /v1/jobs": { role: Role.viewer, action: "job.list", doc: "The jobs, without their specs." },
  "GET /v1/jobs/:id": {
    role: Role.viewer,
    action: "job.read",
    doc: "A job; the values of its environment only to who submitted it, and to operators.",
  },
  "POST /v1/jobs": { role: Role.user, action: "job.submit", doc: "Submit a job." },
  "POST /v1/jobs/:id/cancel": { role: Role.user, ownJobsOnly: true, action: "job.cancel", doc: "Cancel a job." },
  "GET /v1/jobs/:id/output": {
    role: Role.user,
    ownJobsOnly: true,
    action: "output.read",
    doc: "What a task wrote.",
  },
  "GET /v1/events": { role: Role.viewer, action: "event.read", doc: "The fleet's events." },
  "GET /v1/nodes": { role: Role.viewer, action: "node.list", doc: "The nodes." },
  "GET /v1/nodes/:id": { role: Role.viewer, action: "node.read", doc: "A node." },
  "PUT /v1/nodes/:id/admin": { role: Role.operator, action: "node.setAdmin", doc: "Cordon, drain, uncordon." },
  "POST /v1/nodes/:id/gone": { role: Role.operator, action: "node.declareGone", doc: "A node will not come back." },
  "POST /v1/nodes/:id/accept-hardware": {
    role: Role.operator,
    action: "node.acceptHardware",
    doc: "What a node has now is all that it has.",
  },
  "POST /v1/nodes/:id/diagnose": {
    role: Role.operator,
    action: "node.diagnose",
    doc: "The node looks at everything it can see of itself, and loads idle GPUs if told to.",
  },
  "POST /v1/nodes/:id/gpus/:gpu/release": {
    role: Role.operator,
    action: "gpu.release",
    doc: "A GPU in quarantine is given back as it is.",
  },
  "POST /v1/nodes/:id/approve": { role: Role.operator, action: "node.approve", doc: "Let a node in that waits." },
  "POST /v1/nodes/:id/remove": {
    role: Role.operator,
    action: "node.remove",
    doc: "End a node's registration: its key is worth nothing from now on, and its connection is cut.",
  },
  "GET /v1/enrolments/pending": {
    role: Role.operator,
    action: "enrolment.list",
    doc: "Nodes that wait to be let in, invitations that nobody used, and attempts to join that failed.",
  },
  "POST /v1/join": {
    role: null,
    action: "node.join",
    doc: "Join as a node: takes a join token in the place of an API token.",
  },
  "GET /v1/invites": { role: Role.admin, action: "invite.list", doc: "The invitations, without their secrets." },
  "POST /v1/invites": { role: Role.admin, action: "invite.create", doc: "Make a join token." },
  "POST /v1/invites/:id/revoke": { role: Role.admin, action: "invite.revoke", doc: "End a join token's validity." },
  "POST /v1/nodes/:id/upgrade": {
    role: Role.operator,
    action: "node.upgrade",
    doc: "A node's agent becomes another version.",
  },
  "GET /v1/sites": { role: Role.viewer, action: "site.list", doc: "The sites." },
  "POST /v1/sites/:name/gone": { role: Role.operator, action: "site.declareGone", doc: "A site will not come back." },
  "GET /v1/models": { role: Role.viewer, action: "model.list", doc: "The models." },
  "POST /v1/models": { role: Role.operator, action: "model.add", doc: "Resolve a reference and keep it under a name." },
  "GET /v1/models/:name": { role: Role.viewer, action: "model.read", doc: "A model with its files." },
  "POST /v1/models/:name/remove": { role: Role.operator, action: "model.remove", doc: "Forget a model." },
  "POST /v1/models/:name/place": {
    role: Role.operator,
    action: "model.place",
    doc: "Say on which nodes a model is to be.",
  },
  "POST /v1/models/:name/unplace": { role: Role.operator, action: "model.unplace", doc: "Remove a model from nodes." },
  "GET /v1/placements": {
    role: Role.viewer,
    action: "placement.list",
    doc: "Which model is on which node, and how far.",
  },
  "GET /v1/tokens": { role: Role.admin, action: "token.list", doc: "The tokens, without their secrets." },
  "POST /v1/tokens": { role: Role.admin, action: "token.create", doc: "Make a token." },
  "POST /v1/tokens/:name/revoke": { role: Role.admin, action: "token.revoke", doc: "End a token's validity." },
  "GET /v1/audit": { role: Role.admin, action: "audit.read", doc: "Who did what." },
} as const satisfies Record<`${"GET" | "POST" | "PUT"} /${string}`, RouteAccess>;
export type RouteName = keyof typeof ROUTES;

export function accessOf(route: string): RouteAccess | null {
  return route in ROUTES ? ROUTES[route as RouteName] : null;
}
