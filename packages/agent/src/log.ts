import { formatLogLine } from "@drover/shared/log/pretty.ts";
import type { DaemonLogLine } from "@drover/shared/events.ts";
import pino from "pino";

export type AgentLogLine = Extract<DaemonLogLine, `agent.${string}`>;
export type Log = (line: AgentLogLine, fields?: Readonly<Record<string, unknown>>) => void;

/** `warn`: an operator should look. Everything that is not here is `info`. */
const LEVEL_OF_LINE: Partial<Record<AgentLogLine, "warn" | "error">> = {
  "agent.disconnected": "warn",
  "agent.refusedByCoordinator": "error",
  "agent.attemptFailed": "error",
  "agent.leaseExpired": "warn",
  "agent.leaseNotWritten": "error",
  "agent.probeWarning": "warn",
  "agent.watchTrouble": "warn",
  "agent.hardwareChanged": "warn",
  "agent.notifyFailed": "warn",
  "agent.modelFailed": "warn",
  "agent.modelDamaged": "warn",
  "agent.upgradeTakenBack": "error",
};

export interface LogOptions {
  format: "json" | "pretty";
  level: "debug" | "info" | "warn" | "error";
  write: (line: string) => void;
}

export function createLog(options: LogOptions): Log {
  const write = options.format === "pretty" ? (line: string) => options.write(formatLogLine(line)) : options.write;
  const formatters = { level: (level: string) => ({ level }) };
  const logger = pino(
    { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters },
    { write },
  );
  return (line, fields) => {
    logger[LEVEL_OF_LINE[line] ?? "info"]({ event: line, ...fields }, textOf(line));
  };
}

/** `agent.attemptStarted` → `agent attempt started`. */
function textOf(line: AgentLogLine): string {
  return line.replace(".", " ").replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
