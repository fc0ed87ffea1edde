import { readFile } from "node:fs/promises";
import type { JobSubmission } from "@drover/shared/domain/job.ts";
import { parse, YAMLParseError } from "yaml";
import { checkSubmission } from "./submit-job.ts";
import { UsageError } from "./usage-error.ts";

/** Reads a job as people write it, in YAML or JSON (which is YAML). `name` is how messages call the file. */
export function parseJobFile(text: string, name: string): JobSubmission {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw new UsageError(`${name} is neither YAML nor JSON: ${error.message.split("\n")[0]?.replace(/:$/, "")}`);
  }
  return checkSubmission(value, (path) => (path === "" ? name : `${name}: ${path}`));
}

export async function readJobFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const reason =
      error instanceof Error && "code" in error && error.code === "ENOENT" ? "there is no such file" : String(error);
    throw new UsageError(`${path} cannot be read: ${reason}; name a YAML or JSON file, or - for stdin`);
  }
}
