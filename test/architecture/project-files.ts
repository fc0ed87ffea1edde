import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { SourceFile } from "./check-boundaries.ts";

export const ROOT = dirname(dirname(import.meta.dirname));

const PATTERNS = [
  "packages/*/src/**/*.{ts,mjs}",
  "packages/*/bin/**/*.{ts,mjs}",
  "{deploy,docs,examples,test}/**/*.{ts,mjs}",
];

/** Every source file of the project, in order of its path. */
export function projectFiles(): SourceFile[] {
  return globSync(PATTERNS, { cwd: ROOT, exclude: (name) => name === "node_modules" })
    .map((path) => path.replaceAll("\\", "/"))
    .toSorted()
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));
}
