import { describe, expect, test } from "vitest";
import { ERRORS } from "@drover/shared/error-codes.ts";
import { DAEMON_LOG_LINES, EVENTS } from "@drover/shared/events.ts";
import { WAITING_REASONS } from "@drover/shared/domain/waiting-reason.ts";
import { projectFiles } from "./project-files.ts";

const TABLES =
  /shared\/src\/(access-errors|access-log-lines|error-codes|events|model-errors|model-events|domain\/waiting-reason)\.ts$/;

/** What the programs are made of: no tests, and not the tables themselves. */
const sources = projectFiles().filter(
  ({ path }) =>
    /^packages\/[a-z]+\/src\/.*\.ts$/.test(path) && !/\.test\.ts$|\/testing\//.test(path) && !TABLES.test(path),
);

function isSaid(name: string): boolean {
  return sources.some(({ text }) => text.includes(`"${name}"`) || text.includes(` ${name}:`));
}

describe("the code says exactly what the tables hold", () => {
  test("there is code to look at", () => {
    expect(sources.length).toBeGreaterThan(80);
  });

  test.each(Object.keys(EVENTS))("the event %s is told somewhere", (name) => {
    expect(isSaid(name)).toBe(true);
  });

  test.each(Object.keys(DAEMON_LOG_LINES))("the log line %s is written somewhere", (name) => {
    expect(isSaid(name)).toBe(true);
  });

  test.each(Object.keys(ERRORS))("the error %s can be met", (code) => {
    expect(isSaid(code)).toBe(true);
  });

  test.each(Object.keys(WAITING_REASONS))("the waiting reason %s is given", (code) => {
    expect(isSaid(code)).toBe(true);
  });

  test("no line has an event that is in no table", () => {
    const known = new Set([...Object.keys(EVENTS), ...Object.keys(DAEMON_LOG_LINES)]);
    const unknown = sources.flatMap(({ path, text }) =>
      [...text.matchAll(/\bevent: "([^"]+)"/g)]
        .filter(([, name = ""]) => !known.has(name))
        .map(([found]) => `${path}: ${found}`),
    );
    expect(unknown).toEqual([]);
  });
});
