import { describe, expect, test } from "vitest";
import { renderTable, type Column } from "./table.ts";

interface Row {
  id: number;
  name: string;
}

const COLUMNS: Column<Row>[] = [
  { title: "ID", cell: (row) => String(row.id), alignRight: true },
  { title: "NAME", cell: (row) => row.name, shrinkTo: 4 },
];

describe("a table", () => {
  test("lines up its columns, numbers at their right end, and leaves no blanks at a line's end", () => {
    const rows = [
      { id: 7, name: "sweep" },
      { id: 112, name: "a" },
    ];
    expect(renderTable(COLUMNS, rows, null)).toBe(" ID  NAME\n  7  sweep\n112  a\n");
  });

  test("cuts the column that may give way where it is wider than the terminal", () => {
    expect(renderTable(COLUMNS, [{ id: 1, name: "a-very-long-name" }], 12)).toBe("ID  NAME\n 1  a-very-…\n");
  });

  test("is never wider than the terminal, however narrow that is", () => {
    const text = renderTable(COLUMNS, [{ id: 123_456_789, name: "a-very-long-name" }], 8);
    for (const line of text.trimEnd().split("\n")) expect(line.length).toBeLessThanOrEqual(8);
  });

  test("is not cut where its output is no terminal", () => {
    const name = "x".repeat(500);
    expect(renderTable(COLUMNS, [{ id: 1, name }], null)).toContain(name);
  });

  test("counts an accented letter as one character", () => {
    expect(renderTable(COLUMNS, [{ id: 1, name: "cafe\u0301s" }], null)).toBe("ID  NAME\n 1  cafe\u0301s\n");
  });

  test("shows control characters of a name as question marks", () => {
    expect(renderTable(COLUMNS, [{ id: 1, name: "a\u001b[2Jb\nc" }], null)).toBe("ID  NAME\n 1  a?[2Jb?c\n");
  });
});
