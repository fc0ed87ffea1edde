import { expect, test } from "vitest";
import { Table } from "./table.ts";

test("a turn is taken back in the reverse order: what one row gave up is free before another has taken it", () => {
  // Counted from the rows as a node's GPU is: it must never be held twice, on the way back neither.
  let holders = 0;
  let mostHolders = 0;
  const rows = new Table<string, boolean>(
    () => true,
    (before = false, after = false) => {
      holders += Number(after) - Number(before);
      mostHolders = Math.max(mostHolders, holders);
    },
  );
  rows.load("a", true);
  rows.load("b", false);
  rows.put("a", false);
  rows.put("b", true);
  rows.rollback();
  expect([rows.get("a"), rows.get("b"), holders, mostHolders]).toEqual([true, false, 1, 1]);
});
