import { z } from "zod";

/** What people call a model; jobs find it as DROVER_MODEL_<NAME>. */
const MODEL_NAME = /^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/;
export const ModelName = z
  .string()
  .regex(MODEL_NAME, "a model's name is 1 to 63 lower-case letters, digits and . _ -, such as llama3.1-8b");

/** Names what a revision holds, byte for byte: see manifestId. Two references to the same bytes are the same revision. */
export const RevisionId = z
  .string()
  .regex(/^[0-9a-f]{32}$/, "a revision's id is 32 hexadecimal digits")
  .brand<"RevisionId">();
export type RevisionId = z.infer<typeof RevisionId>;

/**
 * What a file must be. Large files of the Hugging Face Hub state the sha256 of their content; small ones, which lie in
 * git, the sha1 that git gives a blob: of "blob SIZE\0" and the content.
 */
export const ContentHash = z.string().regex(/^(sha256:[0-9a-f]{64}|gitSha1:[0-9a-f]{40})$/);

export const ModelFile = z
  .object({
    /** Within the model, with `/` between its parts; what checkPaths lets through. */
    path: z.string(),
    sizeBytes: z.int().nonnegative(),
    hash: ContentHash,
  })
  .meta({ id: "ModelFile" });
export type ModelFile = z.infer<typeof ModelFile>;

/** Where the bytes of a revision are, pinned: the same for ever. */
export const PinnedSource = z
  .object({
    type: z.literal("huggingFace"),
    repository: z.string(),
    /** What the reference named, such as `main`. */
    revision: z.string(),
    commit: z.string().regex(/^[0-9a-f]{40}$/),
    /** Its files are only given out to some: the coordinator's token has to be asked with. */
    needsToken: z.boolean(),
  })
  .meta({ id: "PinnedSource" });
export type PinnedSource = z.infer<typeof PinnedSource>;

/** What somebody wrote, read. */
export interface ModelReference {
  type: "huggingFace";
  repository: string;
  revision: string;
}

export const DEFAULT_REVISION = "main";

/** As the Hub lets them be: one or two words, no `..` or `--` in them. */
const REPOSITORY = /^[A-Za-z0-9][\w.-]{0,95}(\/[A-Za-z0-9][\w.-]{0,95})?$/;
const REVISION = /^[A-Za-z0-9][\w./-]{0,199}$/;

/** `hf://org/name`, `hf://org/name@revision`; `null` where it is none of these. */
export function parseModelReference(text: string): ModelReference | null {
  const match = /^hf:\/\/([^@]+)(?:@(.+))?$/.exec(text);
  const [, repository = "", revision = DEFAULT_REVISION] = match ?? [];
  if (!REPOSITORY.test(repository) || /\.\.|--/.test(repository)) return null;
  if (!REVISION.test(revision) || revision.includes("..")) return null;
  return { type: "huggingFace", repository, revision };
}

export function formatSource({ repository, commit }: PinnedSource): string {
  return `hf://${repository}@${commit.slice(0, 12)}`;
}

/** What ext4 and every other usual file system takes as one name. */
const MAX_NAME_BYTES = 255;
const MAX_PATH_BYTES = 1024;

/**
 * Why files of these names may not lie below one directory; `null` where they may. Names come from whoever made the
 * model: nothing of them may lead out of the directory, or hide one file behind another.
 */
export function checkPaths(paths: readonly string[]): string | null {
  const all = new Set<string>();
  const directories = new Set<string>();
  for (const path of paths) {
    const problem = checkPath(path);
    if (problem !== null) return `${JSON.stringify(path.slice(0, 100))} ${problem}`;
    if (all.has(path)) return `${JSON.stringify(path)} is there twice`;
    all.add(path);
    for (let slash = path.indexOf("/"); slash !== -1; slash = path.indexOf("/", slash + 1))
      directories.add(path.slice(0, slash));
  }
  const both = paths.find((path) => directories.has(path));
  return both === undefined ? null : `${JSON.stringify(both)} is a file and a directory`;
}

function checkPath(path: string): string | null {
  // Half a character becomes the same stand-in as any other half, on the disk and in the hash of the manifest.
  if (!path.isWellFormed()) return "holds half a character";
  if (byteLength(path) > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`;
  // oxlint-disable-next-line no-control-regex -- those are what is looked for
  if (/[\0-\x1f\x7f\\]/.test(path)) return "holds a backslash or a control character";
  for (const name of path.split("/")) {
    if (name === "" || name === "." || name === "..") return "leads out of its directory";
    if (byteLength(name) > MAX_NAME_BYTES) return `has a part that is longer than ${MAX_NAME_BYTES} bytes`;
  }
  return null;
}

/** As UTF-8. */
function byteLength(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

/** The variable by which a job finds a model: `llama3.1-8b` → `DROVER_MODEL_LLAMA3_1_8B`. */
export function modelVariable(name: string): string {
  return `DROVER_MODEL_${name.toUpperCase().replaceAll(/[.-]/g, "_")}`;
}
