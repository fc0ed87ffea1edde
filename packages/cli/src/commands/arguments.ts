import { parseDurationMs } from "@drover/shared/units.ts";
import { InvalidArgumentError } from "commander";

/** `12`. Throws what commander turns into its message about the argument. */
export function parseJobId(text: string): number {
  return parseCount(text, 1, "a job's id is a number, such as 12");
}

/** `12`, or `12.3` for one task of it. */
export function parseTaskKey(text: string): { jobId: number; taskIndex: number | null } {
  const [job = "", task, ...rest] = text.split(".");
  if (rest.length > 0) throw new InvalidArgumentError("write a job's id, such as 12, or a task as 12.3");
  const taskIndex = task === undefined ? null : parseTaskIndex(task);
  return { jobId: parseJobId(job), taskIndex };
}

export function parseTaskIndex(text: string): number {
  return parseCount(text, 0, "task indexes are whole numbers from 0 on");
}

export function parsePositive(text: string): number {
  return parseCount(text, 1, "write a whole number from 1 on");
}

export function parseNatural(text: string): number {
  return parseCount(text, 0, "write a whole number");
}

export function parseWhole(text: string): number {
  const number = Number(text);
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(number)) throw new InvalidArgumentError("write a whole number");
  return number;
}

/** Of something that may be given in parts. */
export function parseAmount(text: string): number {
  const amount = Number(text);
  if (text.trim() === "" || !Number.isFinite(amount) || amount < 0)
    throw new InvalidArgumentError("write a number, such as 2 or 0.5");
  return amount;
}

/** `90m`, as milliseconds. */
export function parseDuration(text: string): number {
  const durationMs = parseDurationMs(text);
  if (durationMs === null) throw new InvalidArgumentError('write a duration, such as "90s" or "2h"');
  return durationMs;
}

/** Collects `KEY=VALUE` of an option that may be given more than once. */
export function collectPair(text: string, pairs: Record<string, string> = {}): Record<string, string> {
  const split = text.indexOf("=");
  if (split < 1) throw new InvalidArgumentError("write KEY=VALUE");
  return { ...pairs, [text.slice(0, split)]: text.slice(split + 1) };
}

/** Collects the values of an option that may be given more than once. */
export function collectName(name: string, names: string[] = []): string[] {
  return [...names, name];
}

function parseCount(text: string, least: number, advice: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count) || count < least) throw new InvalidArgumentError(advice);
  return count;
}
