import { parse, YAMLParseError } from "yaml";
import type { z } from "zod";
import { UsageError } from "../usage-error.ts";

/** Rows of a CSV file with a head, or a YAML or JSON list of the same; what is wrong is said with its line, or its place in the list. */
export function readRows<Schema extends z.ZodType>(text: string, fileName: string, schema: Schema): z.output<Schema>[] {
  const isCsv = fileName.endsWith(".csv");
  const rows = isCsv ? parseCsv(text) : parseList(text, fileName);
  if (rows.length === 0) throw new UsageError(`${fileName} describes nothing; write one row for each`);
  return rows.map((row, index) => {
    const checked = schema.safeParse(row);
    if (checked.success) return checked.data;
    const [issue] = checked.error.issues;
    const place = isCsv ? `line ${index + 2}` : `entry ${index + 1}`;
    throw new UsageError(`${fileName} ${place}: ${[...(issue?.path ?? []), ""].join(": ")}${issue?.message}`);
  });
}

function parseList(text: string, fileName: string): unknown[] {
  try {
    const value: unknown = parse(text);
    if (Array.isArray(value)) return value;
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw new UsageError(
      `${fileName} is neither YAML nor JSON: ${error.message.split("\n")[0]}; a table is called NAME.csv`,
    );
  }
  throw new UsageError(`${fileName} is no list; begin each entry with "- ", or write a table and call it NAME.csv`);
}

/** Empty cells are as if they were not there; what looks like a number is one. */
function parseCsv(text: string): Record<string, string | number>[] {
  const [head, ...lines] = text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "")
    .map(cellsOf);
  return lines.map((cells) => {
    const entries = cells.flatMap((cell, column) =>
      cell === "" ? [] : [[head?.[column] ?? `column ${column + 1}`, cell] as const],
    );
    return Object.fromEntries(
      entries.map(([name, cell]) => [name, /^-?\d+(\.\d+)?$/.test(cell) ? Number(cell) : cell]),
    );
  });
}

/** Commas separate; in double quotes they do not, and a doubled one stands for itself. */
function cellsOf(line: string): string[] {
  const cells = `,${line}`.matchAll(/,(?:\s*"((?:[^"]|"")*)"\s*|([^,]*))/g);
  return [...cells].map(([, quoted, plain]) => (quoted?.replaceAll('""', '"') ?? plain ?? "").trim());
}
