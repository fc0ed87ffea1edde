import { Killed } from "./process.ts";

/** A killed process leaves promises that nobody waits for any more; any other such promise is a defect of the product. */
export function onOrphanedPromise(onDefect: (error: unknown) => void): void {
  process.on("unhandledRejection", (error) => {
    if (!(error instanceof Killed)) onDefect(error);
  });
}
