import { globSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** The paths below two directories that are in one only, or differ. */
export function differences(one: string, other: string): string[] {
  const contents = [one, other].map(
    (root) => new Map(globSync("**", { cwd: root }).map((path) => [path, read(root, path)])),
  );
  const [ofOne = new Map<string, string>(), ofOther = new Map<string, string>()] = contents;
  const paths = new Set([...ofOne.keys(), ...ofOther.keys()]);
  return [...paths].filter((path) => ofOne.get(path) !== ofOther.get(path));
}

function read(root: string, path: string): string {
  const at = join(root, path);
  return statSync(at).isDirectory() ? "a directory" : readFileSync(at, "base64");
}
