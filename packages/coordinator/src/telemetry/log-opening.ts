import type { Logger } from "pino";
import type { Store } from "../store/store.ts";

/** What an operator should know of how the last coordinator or a restore ended here. */
export function logOpening(log: Logger, { wasChecked, leftover }: Store["opening"]): void {
  if (leftover === "finished") log.warn({ event: "store.restoreFinished" }, "interrupted restore finished");
  if (leftover === "abandoned") log.warn({ event: "store.restoreAbandoned" }, "interrupted restore abandoned");
  if (wasChecked) log.info({ event: "store.checked" }, "database checked after an unclean stop");
}
