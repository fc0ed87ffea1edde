import { expect, test } from "vitest";
import { Book } from "./book.ts";
import type { Remembered } from "./fleet/database.ts";

function remembered(jobs: Record<string, number>, attemptIds: string[] = []): Remembered {
  return { jobIdByKey: new Map(Object.entries(jobs)), attemptIds: new Set(attemptIds) };
}

/** A book whose clock stands where the test puts it. */
function aBook(): { book: Book; at: (ms: number) => Book } {
  let nowMs = 0;
  const book = new Book(() => nowMs);
  return {
    book,
    at(ms) {
      nowMs = ms;
      return book;
    },
  };
}

test("a restore takes back exactly what came after the copy", () => {
  const { book, at } = aBook();
  at(10).acknowledge("early", 1, 0);
  at(30).acknowledge("late", 2, 0);
  at(30).acknowledgeCancel("early", 1, 0);
  book.restore(
    { file: "copy", beganAtMs: 20 },
    remembered({ early: 1, late: 2 }, ["1.0.1-aaaaaa", "2.0.1-aaaaaa"]),
    remembered({ early: 1 }, ["1.0.1-aaaaaa"]),
  );
  expect(book.acknowledged).toMatchObject([{ key: "early", jobId: 1 }]);
  expect(book.canceledJobs).toEqual([]);
  expect([...book.forgottenAttemptIds]).toEqual(["2.0.1-aaaaaa"]);
  expect(book.violations).toEqual([]);
});

test("what was acknowledged while the copy was made stays promised where the copy has it", () => {
  const { book, at } = aBook();
  at(21).acknowledge("during", 1, 0);
  book.restore({ file: "copy", beganAtMs: 20 }, remembered({ during: 1 }), remembered({ during: 1 }));
  expect(book.acknowledged).toHaveLength(1);
});

test("a copy without what was acknowledged before it, and a database without what was acknowledged at all, are named", () => {
  const { book, at } = aBook();
  at(10).acknowledge("early", 1, 0);
  at(30).acknowledge("lost", 2, 0);
  book.restore({ file: "copy", beganAtMs: 20 }, remembered({ early: 1 }), remembered({}));
  expect(book.violations).toEqual([
    "job 1 was acknowledged for early before the database was copied, and is not in the copy",
    "job 2 was acknowledged for lost and is not in the database",
  ]);
});

test("an answer to a question of an earlier life does not count", () => {
  const { book } = aBook();
  book.restore({ file: "copy", beganAtMs: 0 }, remembered({}), remembered({}));
  expect(book.acknowledge("key", 1, 0)).toBe(false);
  expect(book.acknowledge("key", 1, 1)).toBe(true);
  expect(book.acknowledged).toHaveLength(1);
});
