import { posix } from "node:path";
import type { Boundary } from "./boundaries.ts";
import { readSource, type Import } from "./read-source.ts";

export interface SourceFile {
  /** From the root, with forward slashes. */
  path: string;
  text: string;
}

/** One sentence per violation; empty where all is well. */
export function checkBoundaries(
  files: readonly SourceFile[],
  boundaries: readonly Boundary[],
  testBoundaries: readonly Boundary[],
): string[] {
  const problems: string[] = [];
  const used = new Set<Boundary>();
  for (const file of files) {
    const boundary = longestMatch(isTest(file.path) ? testBoundaries : boundaries, file.path);
    if (!boundary) {
      problems.push(`${file.path}: no row of the boundary table governs this file; add one`);
      continue;
    }
    used.add(boundary);
    problems.push(...violationsOf(file, boundary));
  }
  for (const boundary of [...boundaries, ...testBoundaries]) {
    if (!used.has(boundary))
      problems.push(`${boundary.files}: this row of the boundary table governs no file; remove it`);
  }
  return problems;
}

export function isTest(path: string): boolean {
  return path.endsWith(".test.ts") || path.includes("/testing/") || path.startsWith("test/");
}

function longestMatch(boundaries: readonly Boundary[], path: string): Boundary | undefined {
  return boundaries
    .filter(({ files }) => (files.endsWith("/") ? path.startsWith(files) : path === files))
    .toSorted((a, b) => b.files.length - a.files.length)[0];
}

function violationsOf(file: SourceFile, boundary: Boundary): string[] {
  const source = readSource(file.path, file.text);
  const problems = source.imports
    .filter((found) => !isAllowed(found, file.path, boundary))
    .map(
      (found) =>
        `${file.path}:${found.line}: imports ${found.specifier}${asTypeHint(found, file.path, boundary)} (${boundary.why})`,
    );
  if (boundary.pure !== true) return problems;
  return problems.concat(
    source.impurities.map((use) => `${file.path}:${use.line}: uses ${use.name} (${boundary.why})`),
  );
}

function isAllowed(found: Import, from: string, boundary: Boundary): boolean {
  const target = targetOf(found.specifier, from);
  const allowed = found.typeOnly ? [...boundary.may, ...(boundary.mayAsTypes ?? [])] : boundary.may;
  // Shipped code never depends on what is there for tests only.
  if (isTest(target) && !isTest(from)) return false;
  return allowed.some((entry) => matches(target, entry));
}

function matches(target: string, entry: string): boolean {
  if (entry === "node:" || entry === "npm:") return target.startsWith(entry);
  if (entry === "") return !target.startsWith("node:") && !target.startsWith("npm:");
  return entry.endsWith("/") ? target.startsWith(entry) : target === entry || target.startsWith(`${entry}/`);
}

function asTypeHint(found: Import, from: string, boundary: Boundary): string {
  const target = targetOf(found.specifier, from);
  const asType = boundary.mayAsTypes?.some((entry) => matches(target, entry)) ?? false;
  return asType ? ", of which it may know only the types (`import type`)" : "";
}

/** The path from the root, `node:…` or `npm:…`; `npm:pkg/deep/path` keeps its path. */
function targetOf(specifier: string, from: string): string {
  if (specifier.startsWith("node:")) return specifier;
  if (specifier.startsWith(".")) return posix.join(posix.dirname(from), specifier);
  const ours = /^@drover\/([a-z]+)\/(.+)$/.exec(specifier);
  return ours ? `packages/${ours[1]}/src/${ours[2]}` : `npm:${specifier}`;
}
