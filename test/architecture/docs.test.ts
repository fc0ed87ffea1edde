import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { referencePages } from "../../docs/reference-pages.ts";
import { ROOT } from "./project-files.ts";

const PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...globSync("docs/**/*.md", { cwd: ROOT })]
  .filter((path) => existsSync(join(ROOT, path)))
  .toSorted();

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

describe("the reference pages", () => {
  it.each(Object.entries(referencePages()))("%s says what its table says", (path, text) => {
    expect(read(path), "run `npm run docs`").toBe(text);
  });
});

describe("the glossary", () => {
  const rows = [...read("docs/glossary.md").matchAll(/^\| \*\*(.+?)\*\* +\| .+ \| (.+?) +\|$/gm)];

  it("defines the words of the system", () => {
    expect(rows.map(([, word]) => word)).toEqual(
      expect.arrayContaining(["node", "job", "task", "attempt", "allocation"]),
    );
  });

  it.each(rows.map(([, word = "", where = ""]) => [word, where]))(
    "of %s names a file that is there: %s",
    (_word, where) => {
      const files = [...where.matchAll(/`([^`]+)`/g)].map(([, path = ""]) => path);
      expect(where === "to come" || files.length > 0).toBe(true);
      expect(files.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    },
  );
});

describe("links between pages", () => {
  it.each(PAGES)("of %s lead somewhere", (page) => {
    const targets = [...read(page).matchAll(/\]\(([^)#]+)(#[^)]*)?\)/g)].map(([, target = ""]) => target);
    const broken = targets
      .filter((target) => !/^[a-z]+:/.test(target))
      .map((target) => relative(ROOT, join(ROOT, dirname(page), target)))
      .filter((path) => !existsSync(join(ROOT, path)));
    expect(broken).toEqual([]);
  });
});

describe("the decisions", () => {
  const decisions = globSync("docs/decisions/*.md", { cwd: ROOT }).toSorted();

  it("are numbered without a gap", () => {
    const numbers = decisions.map((path) => Number(/\/(\d{4})-[a-z0-9-]+\.md$/.exec(path)?.[1]));
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    expect(numbers.length).toBeGreaterThan(0);
  });

  it.each(decisions)("%s says its context, decision and consequences", (path) => {
    expect([...read(path).matchAll(/^## (.+)$/gm)].map(([, title]) => title)).toEqual([
      "Context",
      "Decision",
      "Consequences",
    ]);
  });
});
