import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { waitFor } from "../../support/wait-for.ts";
import { Janitor } from "./janitor.ts";
import { MARK, markedProcesses } from "./processes.ts";

test("leaves no process of the run, undoes the last thing first, and touches no other run", async () => {
  const run = `janitor-${process.pid}`;
  const folder = mkdtempSync(join(tmpdir(), "drover-janitor-"));
  const order = join(folder, "order");
  const sleeperOf = (mark: string) =>
    spawn("sh", ["-c", "trap '' TERM; sleep 1000"], { env: { ...process.env, [MARK]: mark }, detached: true });
  const bystander = sleeperOf(`${run}-other`);
  sleeperOf(run);
  await waitFor("both to run", () => markedProcesses(run).length > 0 && markedProcesses(`${run}-other`).length > 0);

  const janitor = new Janitor(run);
  for (const word of ["first", "second"]) janitor.willRun(["sh", "-c", `echo ${word} >> ${order}`]);
  await janitor.clean();
  expect(markedProcesses(run)).toEqual([]);
  expect(readFileSync(order, "utf8")).toBe("second\nfirst\n");
  expect(bystander.exitCode ?? bystander.signalCode).toBeNull();

  const other = new Janitor(`${run}-other`);
  other.willRun(["rm", "-rf", folder]);
  await other.clean();
  expect(existsSync(folder)).toBe(false);
});

test("cleans up after a run that is killed", async () => {
  const run = `killed-${process.pid}`;
  const folder = mkdtempSync(join(tmpdir(), "drover-janitor-"));
  const program = join(folder, "run.ts");
  writeFileSync(
    program,
    `import { spawn } from "node:child_process";
     import { Janitor } from ${JSON.stringify(join(import.meta.dirname, "janitor.ts"))};
     const janitor = new Janitor(${JSON.stringify(run)});
     janitor.willRun(["rm", "-rf", ${JSON.stringify(folder)}]);
     spawn("sleep", ["1000"], { env: { ...process.env, ${MARK}: ${JSON.stringify(run)} }, detached: true });
     setInterval(() => {}, 1000);`,
  );
  const killed = spawn(process.execPath, [program], { stdio: "inherit" });
  await waitFor("its process", () => markedProcesses(run).length > 0);
  killed.kill("SIGKILL");
  await waitFor("nothing to be left", () => markedProcesses(run).length === 0 && !existsSync(folder));
});
