import { pino, type Logger } from "pino";
import type { Clock } from "@drover/shared/clock.ts";
import { formatLogLine } from "@drover/shared/log/pretty.ts";
import { LogSink } from "./log-sink.ts";

export interface OpenLog {
  log: Logger;
  /** Writes what is still buffered; for the moment before the process ends. */
  flush(): void;
}

const STDOUT = 1;

/** JSON lines for machines, or the same lines readable by people. */
export function openLog(
  { log: format, logLevel }: { log: "json" | "pretty"; logLevel: string },
  clock: Clock,
): OpenLog {
  const sink = new LogSink(STDOUT, clock);
  const write =
    format === "pretty" ? (line: string) => sink.write(formatLogLine(line)) : (line: string) => sink.write(line);
  const options = {
    level: logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (level: string) => ({ level }) },
  };
  return { log: pino(options, { write }), flush: () => sink.flushSync() };
}
