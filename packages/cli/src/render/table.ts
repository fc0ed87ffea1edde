import { printable } from "./printable.ts";

export interface Column<Row> {
  title: string;
  cell: (row: Row) => string;
  /** Numbers line up at their right end. */
  alignRight?: true;
  /** Gives way first, and down to this many characters, where the table is wider than the terminal. */
  shrinkTo?: number;
}

const GAP = "  ";

/** Lines of text, each ended. `width` is the terminal's, or `null` where nothing must be cut. */
export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number | null): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.cell(row))));
  const lines = [columns.map((column) => column.title), ...cells];
  const natural = columns.map((_, i) => Math.max(...lines.map((line) => lengthOf(line[i] ?? ""))));
  const widths = width === null ? natural : shrink(natural, columns, width);
  return lines.map((line) => `${renderLine(line, columns, widths, width)}\n`).join("");
}

function renderLine(line: string[], columns: readonly Column<never>[], widths: number[], width: number | null): string {
  const padded = columns.map(({ alignRight }, i) => {
    const text = truncate(line[i] ?? "", widths[i] ?? 0);
    const padding = " ".repeat(Math.max(0, (widths[i] ?? 0) - lengthOf(text)));
    return alignRight ? padding + text : text + padding;
  });
  const text = padded.join(GAP).trimEnd();
  return width === null ? text : truncate(text, width);
}

/** Takes from the widest of the columns that may give way, one character at a time, until the line fits. */
function shrink(natural: readonly number[], columns: readonly Column<never>[], width: number): number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, columnWidth) => sum + columnWidth, GAP.length * (columns.length - 1)) - width;
  for (; excess > 0; excess--) {
    let widest = -1;
    for (const [i, { shrinkTo }] of columns.entries()) {
      const columnWidth = widths[i] ?? 0;
      if (shrinkTo !== undefined && columnWidth > shrinkTo && columnWidth > (widths[widest] ?? 0)) widest = i;
    }
    if (widest === -1) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

export function truncate(text: string, width: number): string {
  const characters = charactersOf(text);
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join("")}…`;
}

function lengthOf(text: string): number {
  return charactersOf(text).length;
}

const segmenter = new Intl.Segmenter();

/** As people count them: an accent belongs to its letter. */
function charactersOf(text: string): string[] {
  // Most text is ASCII, and a segmenter takes a thousand times as long for it.
  if (/^[\x20-\x7e]*$/.test(text)) return text.split("");
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}
