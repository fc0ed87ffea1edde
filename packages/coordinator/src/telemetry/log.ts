import type { Logger } from "pino";

/** What the parts of the coordinator ask of the log: a line of fields and a fixed sentence. */
export type Log = Pick<Logger, "info" | "warn" | "error">;
