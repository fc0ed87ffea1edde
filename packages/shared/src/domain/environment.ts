import { z } from "zod";

export const NoNul = z.string().refine((text) => !text.includes("\0"), "must not contain a NUL character");

/** YAML reads `8080` and `true` as what they look like; in a command or an environment they are text. */
export const Word = z.union([z.string(), z.number(), z.boolean()], "is not text").transform(String).pipe(NoNul);

/** What is wrong with a variable's name; `null` where it may be one of a job. */
export function problemOfVariable(name: string): string | null {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    return "an environment variable's name is letters, digits and _, and begins with no digit";
  return name.startsWith("DROVER_") ? "names that start with DROVER_ are set by Drover itself" : null;
}

/** Values by variable. Checked as a whole, because zod says of a bad key only that it is bad. */
export function variables<V extends z.ZodType>(value: V, whatItIs: string) {
  return z.record(z.string(), value, whatItIs).superRefine((values, context) => {
    for (const name of Object.keys(values)) {
      const message = problemOfVariable(name);
      if (message !== null) context.addIssue({ code: "custom", message, path: [name] });
    }
  });
}

export const Env = variables(Word, "env is a list of NAME: value");
