import { z } from "zod";
import { ROUTES, type RouteAccess } from "@drover/shared/api/routes.ts";
import { ATTEMPT_STATE_ORDER } from "@drover/shared/domain/attempt.ts";
import { HEALTH_CODES } from "@drover/shared/domain/health.ts";
import { NODE_ADMIN_TRANSITIONS, NODE_LINK_TRANSITIONS } from "@drover/shared/domain/node.ts";
import { PLACEMENT_PROBLEMS, PLACEMENT_TRANSITIONS } from "@drover/shared/domain/placement.ts";
import { TASK_TRANSITIONS } from "@drover/shared/domain/task.ts";
import { WAITING_REASONS } from "@drover/shared/domain/waiting-reason.ts";
import { Role, ROLES, roleIncludes } from "@drover/shared/domain/role.ts";
import { ERRORS } from "@drover/shared/error-codes.ts";
import { DAEMON_LOG_LINES, EVENTS } from "@drover/shared/events.ts";

/** The pages that are made from tables, by their path from the root. */
export function referencePages(): Readonly<Record<string, string>> {
  return {
    "docs/access.md": accessPage(),
    "docs/errors.md": errorsPage(),
    "docs/events.md": eventsPage(),
    "docs/health.md": healthPage(),
    "docs/states.md": statesPage(),
    "docs/waiting-reasons.md": waitingReasonsPage(),
  };
}

function page(title: string, source: string, ...blocks: readonly string[]): string {
  const origin = `<!-- Made by \`npm run docs\` from ${source}; change it there. -->`;
  return `${[`# ${title}`, origin, ...blocks].join("\n\n")}\n`;
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(columns), line(columns.map(() => "---")), ...rows.map(line)].join("\n");
}

/** With an anchor, so that a link can lead to the row. */
function anchored(code: string): string {
  return `<a id="${code}"></a>\`${code}\``;
}

function accessPage(): string {
  return page(
    "Access",
    "packages/shared/src/api/routes.ts",
    "Whoever uses the HTTP API shows a token: `Authorization: Bearer drv_…`, and nowhere else. Each token has a role. `drover token create NAME --role ROLE` makes one; `drover` takes it from `DROVER_TOKEN`, or from the file that `DROVER_TOKEN_FILE` names.",
    "`own`: of the jobs that were submitted under the token's name. What changes something, and what is denied, is in the audit trail under its action: `drover audit`.",
    "## Nodes",
    "A node joins by a token of `drover invite`, which registers its key; the agents' WebSocket, `/v1/agent`, lets in who proves to hold such a key ([why](decisions/0022-nodes-join-by-a-token.md)). `drover nodes --pending` lists who waits, tokens that nobody used and attempts that failed; `drover node approve` and `drover node remove` let in and put out. A coordinator that only its own machine can reach, on loopback without TLS and without `--advertise`, also lets in agents of that machine that never joined, as `npm start` does.",
    "## Routes",
    table(
      ["route", "without a token", ...ROLES, "action", "what it is"],
      Object.entries<RouteAccess>(ROUTES).map(([route, access]) => [
        `\`${route}\``,
        access.role === null ? "yes" : "-",
        ...ROLES.map((role) => mayUse(role, access)),
        `\`${access.action}\``,
        access.doc,
      ]),
    ),
  );
}

function mayUse(role: Role, access: RouteAccess): string {
  if (access.role !== null && !roleIncludes(role, access.role)) return "-";
  return access.ownJobsOnly && !roleIncludes(role, Role.operator) ? "own" : "yes";
}

function errorsPage(): string {
  const entries = Object.entries(ERRORS);
  const ofHttp = entries.filter(([, error]) => error.httpStatus !== null);
  const others = entries.filter(([, error]) => error.httpStatus === null);
  return page(
    "Errors",
    "packages/shared/src/error-codes.ts",
    "Every error that a person can meet has a code that never changes its meaning.",
    "## Of the HTTP API",
    "As problem documents (RFC 9457, `application/problem+json`): `code`, `detail` (what this occurrence was about), `advice`, and where it helps further fields.",
    table(
      ["code", "status", "meaning", "what to do"],
      ofHttp.map(([code, error]) => [anchored(code), String(error.httpStatus), error.meaning, error.advice]),
    ),
    "## Of the programs",
    "Said by the command that failed, or in the log of the daemon.",
    table(
      ["code", "meaning", "what to do"],
      others.map(([code, error]) => [anchored(code), error.meaning, error.advice]),
    ),
  );
}

function eventsPage(): string {
  return page(
    "Events and log lines",
    "packages/shared/src/events.ts",
    "Every change of state in the fleet is one of these: a row of `GET /v1/events`, and one JSON line of the coordinator's log with the same name (`event`) and the same fields.",
    table(
      ["event", "level", "when", "fields"],
      Object.entries(EVENTS).map(([name, event]) => [
        anchored(name),
        event.level,
        event.doc,
        fieldsOf(event.fields).join(", "),
      ]),
    ),
    "## About the daemons themselves",
    "Logged, but no part of the event stream: they must be sayable when nothing can be stored.",
    table(
      ["line", "when"],
      Object.entries(DAEMON_LOG_LINES).map(([name, doc]) => [anchored(name), doc]),
    ),
  );
}

function healthPage(): string {
  const rows = (of: "gpu" | "node") =>
    Object.entries(HEALTH_CODES)
      .filter(([, code]) => code.of === of)
      .map(([name, code]) => [anchored(name), code.state, code.meaning, code.advice]);
  const columns = ["code", "state", "meaning", "what to do"];
  return page(
    "Health",
    "packages/shared/src/domain/health.ts",
    "Why a GPU or a node is not healthy. `degraded`: usable, and somebody should know. `unhealthy`: it is given nothing new. `drover node NAME` shows the codes with since when and what was seen.",
    "## Of a GPU",
    table(columns, rows("gpu")),
    "## Of a node",
    table(columns, rows("node")),
  );
}

function fieldsOf(fields: z.ZodObject): string[] {
  const properties = z.toJSONSchema(fields).properties ?? {};
  return Object.entries(properties).map(([name, schema]) => `\`${name}\` ${typeOf(schema)}`);
}

function typeOf(schema: z.core.JSONSchema._JSONSchema): string {
  if (typeof schema === "boolean") return "any";
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.enum) return schema.enum.map((member) => `\`${String(member)}\``).join(" or ");
  if (schema.type === "array") return `list of ${typeOf(singleItem(schema.items))}`;
  return [schema.type ?? "any"].flat().join(" or ");
}

function singleItem(items: z.core.JSONSchema.BaseSchema["items"]): z.core.JSONSchema._JSONSchema {
  return items === undefined || Array.isArray(items) ? true : items;
}

function waitingReasonsPage(): string {
  return page(
    "Why a task waits",
    "packages/shared/src/domain/waiting-reason.ts",
    "Every queued task has exactly one top reason: the first of this table that applies. The verdict per node behind it is in `GET /v1/jobs/:id` (`waiting`).",
    table(
      ["rank", "code", "meaning", "what to do"],
      Object.entries(WAITING_REASONS).map(([code, reason], index) => [
        String(index + 1),
        anchored(code),
        reason.text,
        reason.advice,
      ]),
    ),
  );
}

function statesPage(): string {
  return page(
    "States",
    "the tables in packages/shared/src/domain/",
    "State says where a thing is; the cause beside it says why it got there.",
    "## Task",
    stateDiagram("queued", TASK_TRANSITIONS),
    "## Attempt",
    "Any state may be skipped forwards, because an agent reports what it sees and not every step on the way; none is ever left backwards.",
    stateDiagram("staging", oneWay(ATTEMPT_STATE_ORDER)),
    "## A model's placement",
    "One revision on one node. A node may find at any time that what it had is damaged or gone, and then brings it again. Why one has failed:",
    table(
      ["code", "meaning", "what to do"],
      Object.entries(PLACEMENT_PROBLEMS).map(([code, { text, advice }]) => [anchored(code), text, advice]),
    ),
    stateDiagram("wanted", PLACEMENT_TRANSITIONS),
    "## A node's link",
    stateDiagram("online", NODE_LINK_TRANSITIONS),
    "## What operators want of a node",
    "Independent of its link. `drover node cordon`, `drain` and `uncordon` lead where they say; from `draining` to `drained` it goes by itself, when nothing is left on the node and its agent says so too.",
    stateDiagram("schedulable", NODE_ADMIN_TRANSITIONS),
  );
}

function oneWay(order: readonly string[]): Record<string, readonly string[]> {
  return Object.fromEntries(order.map((state, index) => [state, order.slice(index + 1, index + 2)]));
}

function stateDiagram(first: string, transitions: Readonly<Record<string, readonly string[]>>): string {
  const lines = Object.entries(transitions).flatMap(([from, next]) =>
    next.length === 0 ? [`  ${from} --> [*]`] : next.map((to) => `  ${from} --> ${to}`),
  );
  return ["```mermaid", "stateDiagram-v2", `  [*] --> ${first}`, ...lines, "```"].join("\n");
}
