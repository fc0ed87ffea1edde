/** `npm run docs`: writes the pages that are made from tables. */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { referencePages } from "./reference-pages.ts";

for (const [path, text] of Object.entries(referencePages())) {
  writeFileSync(join(dirname(import.meta.dirname), path), text);
  process.stdout.write(`${path}\n`);
}
