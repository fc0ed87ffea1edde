import { defineConfig } from "vitest/config";

/** Where no test of ours lies. */
const exclude = ["**/node_modules/**", ".drover/**", "test/bench/**"];

/**
 * Three kinds of test, told apart by name, so that the cheap ones can run alone (`npm test -- --only unit`):
 *
 *   unit    packages/**\/x.test.ts     pure, milliseconds
 *   io      packages/**\/x.io.test.ts  a real file, socket or child process
 *   system  test/**\/x.test.ts         what crosses packages: real daemons, the architecture, the documents
 */
/** Agents of tests run what their tests say: where that is as root, it is meant. */
const AS_WHOM = process.getuid?.() === 0 ? { DROVER_JOB_USER: "root" } : {};

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["packages/*/{src,test}/**/*.test.ts"],
          exclude: [...exclude, "**/*.io.test.ts"],
          testTimeout: 5_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "io",
          env: AS_WHOM,
          include: ["packages/*/{src,test}/**/*.io.test.ts"],
          exclude,
          testTimeout: 20_000,
          hookTimeout: 20_000,
          // Real processes with time limits of their own: more at once than cores makes them late.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "system",
          env: AS_WHOM,
          include: ["test/**/*.test.ts"],
          exclude,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
