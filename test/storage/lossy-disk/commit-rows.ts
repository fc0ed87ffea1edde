/**
 * A program for lossy-disk.test.ts: commits rows, one each time, and prints for each that was committed how
 * large the journal was then. Every tenth commit's sync fails, if a file for faults is named.
 */
import { rmSync, statSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

const [file = "", synchronous = ""] = process.argv.slice(2);
const { LOSSY_DISK_JOURNAL: journal = "", LOSSY_DISK_FAULTS: faults } = process.env;
const database = new DatabaseSync(file);
database.exec(`pragma journal_mode = wal; pragma synchronous = ${synchronous}; create table numbers (number int)`);
const insert = database.prepare("insert into numbers values (?)");
const committed: { number: number; at: number }[] = [];
for (let number = 0; number < 100; number++) {
  const fails = faults !== undefined && number % 10 === 5;
  if (fails) writeFileSync(faults, "");
  try {
    insert.run(number);
    committed.push({ number, at: statSync(journal).size });
  } catch (error) {
    if (!fails) throw error;
  }
  if (fails) rmSync(faults);
}
process.stdout.write(JSON.stringify(committed));
