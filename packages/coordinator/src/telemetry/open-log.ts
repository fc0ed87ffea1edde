import { pino, type Logger } from "pino";
import { formatLogLine } from "@drover/shared/log/pretty.ts";

export interface OpenLog {
  log: Logger;
  /** Writes what is still buffered; for the moment before the process ends. */
  flush(): void;
}

/** JSON lines for machines, or the same lines readable by people. */
export function openLog({ log: format, logLevel }: { log: "json" | "pretty"; logLevel: string }): OpenLog {
  const options = { level: logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (level: string) => ({ level }) } };
  if (format === "pretty") {
    const log = pino(options, { write: (line: string) => void process.stdout.write(formatLogLine(line)) });
    return { log, flush: () => {} };
  }
  // Asynchronous: while one write is under way the next lines gather, so a burst costs few system calls.
  const destination = pino.destination({ fd: 1, sync: false });
  return { log: pino(options, destination), flush: () => destination.flushSync() };
}
