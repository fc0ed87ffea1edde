import type { AuditEntry, Token } from "@drover/shared/api/access.ts";
import type { View } from "./job.ts";
import { renderTable, type Column } from "./table.ts";
import { formatAgo } from "./time.ts";

export function renderTokens(tokens: readonly Token[], { nowMs, width }: View): string {
  const columns: Column<Token>[] = [
    { title: "NAME", cell: ({ name }) => name, shrinkTo: 8 },
    { title: "ROLE", cell: ({ role }) => role },
    { title: "MADE", cell: ({ createdAt }) => formatAgo(createdAt, nowMs), alignRight: true },
    { title: "BY", cell: ({ createdBy }) => createdBy, shrinkTo: 8 },
    {
      title: "REVOKED",
      cell: ({ revokedAt }) => (revokedAt === null ? "-" : formatAgo(revokedAt, nowMs)),
      alignRight: true,
    },
  ];
  return renderTable(columns, tokens, width);
}

export function renderAudit(entries: readonly AuditEntry[], { width }: View): string {
  const columns: Column<AuditEntry>[] = [
    // To the second, in UTC: an audit is compared with other logs.
    { title: "WHEN", cell: ({ at }) => at.replace(/\.\d+Z$/, "Z") },
    { title: "WHO", cell: ({ actor }) => actor ?? "-", shrinkTo: 8 },
    { title: "FROM", cell: ({ address }) => address ?? "-" },
    { title: "ACTION", cell: ({ action }) => action },
    { title: "TARGET", cell: ({ target }) => target ?? "-", shrinkTo: 8 },
    { title: "VERDICT", cell: ({ verdict, code }) => (code === null ? verdict : `${verdict}: ${code}`), shrinkTo: 10 },
  ];
  return renderTable(columns, entries, width);
}
