import type { Enrolment, Invite, PendingEnrolments } from "@drover/shared/api/enrolment.ts";
import type { View } from "./job.ts";
import { renderTable, type Column } from "./table.ts";
import { formatAgo, formatIn } from "./time.ts";

export function renderInvites(invites: readonly Invite[], { nowMs, width }: View): string {
  const columns: Column<Invite>[] = [
    { title: "ID", cell: ({ id }) => id },
    { title: "USED", cell: ({ usedCount, uses }) => `${usedCount}/${uses}`, alignRight: true },
    { title: "STATE", cell: (invite) => stateOf(invite, nowMs) },
    { title: "SITE", cell: ({ site }) => site ?? "-", shrinkTo: 6 },
    { title: "LABELS", cell: ({ labels }) => pairsOf(labels), shrinkTo: 8 },
    { title: "NAMES", cell: ({ namePattern }) => namePattern ?? "any", shrinkTo: 6 },
    { title: "APPROVAL", cell: ({ needsApproval }) => (needsApproval ? "yes" : "-") },
    { title: "MADE", cell: ({ createdAt }) => formatAgo(createdAt, nowMs), alignRight: true },
    { title: "BY", cell: ({ createdBy }) => createdBy, shrinkTo: 8 },
  ];
  return renderTable(columns, invites, width);
}

/** What is on its way in, or tries to be: a table for each, with a line that says what it is. */
export function renderPending({ waiting, unusedInvites, failures }: PendingEnrolments, view: View): string {
  const { nowMs, width } = view;
  const nodes: Column<Enrolment>[] = [
    { title: "NODE", cell: ({ name }) => name, shrinkTo: 8 },
    { title: "FROM", cell: ({ address }) => address ?? "-" },
    { title: "JOINED", cell: ({ joinedAt }) => formatAgo(joinedAt, nowMs), alignRight: true },
    { title: "BY TOKEN", cell: ({ inviteId }) => inviteId ?? "-" },
    { title: "ID", cell: ({ nodeId }) => nodeId },
  ];
  const tries: Column<PendingEnrolments["failures"][number]>[] = [
    { title: "FROM", cell: ({ address }) => address },
    { title: "TIMES", cell: ({ count }) => String(count), alignRight: true },
    { title: "LAST", cell: ({ lastAt }) => formatAgo(lastAt, nowMs), alignRight: true },
    { title: "WHY", cell: ({ code, reason }) => `${code}: ${reason}`, shrinkTo: 20 },
  ];
  const parts = [
    part(
      "Waiting to be let in: drover node approve NAME, or drover node remove NAME",
      renderTable(nodes, waiting, width),
      waiting,
    ),
    part("Join tokens that nobody has used", renderInvites(unusedInvites, view), unusedInvites),
    part("Attempts to join that failed, since the coordinator started", renderTable(tries, failures, width), failures),
  ];
  return parts.filter((text) => text !== "").join("\n");
}

function part(title: string, table: string, rows: readonly unknown[]): string {
  return rows.length === 0 ? "" : `${title}:\n${table}`;
}

function stateOf({ revokedAt, expiresAt, usedCount, uses }: Invite, nowMs: number): string {
  if (revokedAt !== null) return "revoked";
  if (usedCount >= uses) return "used up";
  return Date.parse(expiresAt) <= nowMs ? "expired" : `good, ends ${formatIn(expiresAt, nowMs)}`;
}

function pairsOf(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return pairs.join(",") || "-";
}
