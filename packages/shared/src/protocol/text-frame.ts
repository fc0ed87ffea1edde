import type { z } from "zod";

export type Decoded<T> = { ok: true; message: T } | { ok: false; problem: string };

/** Reads one text frame of either direction. Never throws: what a peer sends is data. */
export function decodeTextFrame<T>(schema: z.ZodType<T>, text: string): Decoded<T> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { ok: false, problem: "not JSON" };
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return { ok: true, message: parsed.data };
  const issue = parsed.error.issues[0];
  return { ok: false, problem: issue ? `${issue.path.join(".")}: ${issue.message}` : "does not fit the schema" };
}
