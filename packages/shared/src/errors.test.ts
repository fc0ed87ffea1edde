import { describe, expect, it } from "vitest";
import { ERRORS } from "./error-codes.ts";
import { DroverError, isDroverError } from "./errors.ts";

describe("the table of errors", () => {
  it.each(Object.entries(ERRORS))("%s says what it means and what to do", (code, { httpStatus, meaning, advice }) => {
    expect(code).toMatch(/^([a-z][A-Za-z]*\.[a-z][A-Za-z]*|internal)$/);
    for (const sentence of [meaning, advice]) expect(sentence).toMatch(/^[A-Z].*\.$/s);
    if (httpStatus !== null) expect(httpStatus).toBeGreaterThanOrEqual(400);
  });
});

describe("a DroverError", () => {
  const error = new DroverError("job.notFound", "There is no job 812.", { details: { jobId: 812 }, cause: "planted" });

  it("carries its code, its details, its cause and the table's advice", () => {
    expect(error).toMatchObject({ code: "job.notFound", details: { jobId: 812 }, cause: "planted" });
    expect(error.advice).toBe(ERRORS["job.notFound"].advice);
  });

  it("is known by its code, also as another copy of the class", () => {
    expect(isDroverError(error)).toBe(true);
    expect(isDroverError(Object.assign(new Error("copy"), { code: "job.notFound" }))).toBe(true);
  });

  it.each([new Error("plain"), Object.assign(new Error("of Node"), { code: "ENOSPC" }), "text", null, undefined])(
    "is told apart from %s",
    (other) => {
      expect(isDroverError(other)).toBe(false);
    },
  );
});
