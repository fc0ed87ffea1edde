import { z } from "zod";

/** The worst first; `note`: what limits the looking itself. */
export const FindingSeverity = z.enum(["unhealthy", "degraded", "note", "ok"]);
export type FindingSeverity = z.infer<typeof FindingSeverity>;

export const Finding = z
  .object({
    severity: FindingSeverity,
    /** `node`, `gpu 3`; `null` where the text says it. */
    subject: z.string().nullable(),
    /** Of docs/health.md; `null` where nothing is wrong. */
    code: z.string().nullable(),
    text: z.string(),
    /** What a tool or the kernel said. */
    evidence: z.string().nullable(),
    /** What to do about it. */
    advice: z.string().nullable(),
  })
  .meta({ id: "Finding" });
export type Finding = z.infer<typeof Finding>;

/** One question to a tool of the machine. */
export const ToolCall = z
  .object({
    command: z.string(),
    tookMs: z.int().nonnegative(),
    /** `exit 0`, `no such program`, `no answer in time`. */
    result: z.string(),
    /** Its first line. */
    said: z.string(),
  })
  .meta({ id: "ToolCall" });
export type ToolCall = z.infer<typeof ToolCall>;

/** What was looked at on a machine, and what was found. */
export const Diagnosis = z.object({ findings: z.array(Finding), calls: z.array(ToolCall) }).meta({ id: "Diagnosis" });
export type Diagnosis = z.infer<typeof Diagnosis>;

const INDENT = " ".repeat(11);

export function isUnhealthy({ findings }: Diagnosis): boolean {
  return findings.some(({ severity }) => severity === "unhealthy");
}

/** The worst first, in the order of the list otherwise. */
export function bySeverity(findings: readonly Finding[]): Finding[] {
  const rank = FindingSeverity.options;
  return findings.toSorted((a, b) => rank.indexOf(a.severity) - rank.indexOf(b.severity));
}

/** For people: each finding with what was seen and what to do, every question that was asked, and what it comes to. */
export function diagnosisLines({ findings, calls }: Diagnosis): string[] {
  const found = bySeverity(findings).flatMap(({ severity, subject, code, text, evidence, advice }) => [
    `${severity.padEnd(INDENT.length)}${subject === null ? "" : `${subject}: `}${text}${code === null ? "" : ` (${code})`}`,
    ...(evidence === null ? [] : [`${INDENT}seen: ${evidence}`]),
    ...(advice === null ? [] : [`${INDENT}do:   ${advice}`]),
  ]);
  const asked = calls.map(
    ({ command, tookMs, result, said }) =>
      `${"asked".padEnd(INDENT.length)}${command}: ${result} after ${tookMs} ms${said === "" ? "" : `: ${said}`}`,
  );
  return [...found, ...asked, `${"verdict".padEnd(INDENT.length)}${verdictOf(findings)}`];
}

/** `unhealthy: 1 unhealthy, 2 degraded, 14 ok`. */
function verdictOf(findings: readonly Finding[]): string {
  const counts = FindingSeverity.options.map(
    (severity) => [severity, findings.filter((finding) => finding.severity === severity).length] as const,
  );
  const worst = counts.find(([severity, count]) => count > 0 && severity !== "note")?.[0] ?? "ok";
  return `${worst}: ${counts
    .filter(([, count]) => count > 0)
    .map(([severity, count]) => `${count} ${severity}`)
    .join(", ")}`;
}
