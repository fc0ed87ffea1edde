import type { z } from "zod";

type ObjectIssue = z.core.$ZodIssueInvalidType | z.core.$ZodIssueUnrecognizedKeys;

/** For a `strictObject` that people write: of a field that it does not have it says which it has. */
export function onlyItsFields(
  what: string,
  howWritten = `${what} is written as fields, such as name: value`,
): { error: z.core.$ZodErrorMap<ObjectIssue> } {
  return {
    error(issue) {
      if (issue.code !== "unrecognized_keys") return howWritten;
      const shape = (issue.inst as { shape?: object } | undefined)?.shape ?? {};
      return `there is no field ${issue.keys.join(", ")}; ${what} may have ${Object.keys(shape).join(", ")}`;
    },
  };
}
