import { z } from "zod";

/** `GET /api/models/{repo}/revision/{rev}`; of much more. */
export const RevisionInfo = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  private: z.boolean().default(false),
  gated: z.union([z.literal(false), z.string()]).default(false),
  disabled: z.boolean().default(false),
});

/** One entry of `GET /api/models/{repo}/tree/{rev}?recursive=true`. */
const TreeEntry = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("file"),
    path: z.string(),
    size: z.int().nonnegative(),
    /** Of the git object: for a large file of its pointer, which says nothing of the content. */
    oid: z.string().regex(/^[0-9a-f]{40}$/),
    lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: z.int().nonnegative() }).optional(),
  }),
  z.object({ type: z.literal("directory"), path: z.string() }),
]);
export const TreePage = z.array(TreeEntry);

/** Of a `Link` header, the address of the next page. */
export function nextPage(link: string | null): string | null {
  for (const part of link?.split(",") ?? []) {
    const match = /<([^>]*)>\s*;\s*rel="?next"?/.exec(part);
    if (match?.[1]) return match[1];
  }
  return null;
}
