import { setTimeout as delay } from "node:timers/promises";

const LOOK_EVERY_MS = 20;

/** Looks until it is so; what fails to be looked at is not so yet. */
export async function waitFor(what: string, isSo: () => Promise<boolean> | boolean, timeoutMs = 30_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  while (performance.now() < deadline) {
    try {
      if (await isSo()) return;
    } catch (error) {
      lastError = error;
    }
    await delay(LOOK_EVERY_MS);
  }
  throw new Error(`waited ${timeoutMs / 1000} s for ${what}`, { cause: lastError });
}
