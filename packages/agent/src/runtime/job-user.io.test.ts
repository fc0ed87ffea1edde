import { existsSync, readFileSync, statSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { sh, startSupervised } from "../testing/supervised.ts";
import { waitFor } from "../testing/wait-for.ts";

/** Nobody of any machine: files and processes need no entry in /etc/passwd. */
const USER = { uid: 61_234, gid: 61_235, groups: [61_235, 61_236] };

/** Only root may become somebody else. */
describe.skipIf(process.getuid?.() !== 0)("a command of another user", () => {
  test("has that user's ids and groups, and none of root's", async () => {
    const supervised = await startSupervised();
    const attemptId = supervised.start({
      user: USER,
      arguments: sh("id -u; id -g; id -G; grep CapEff /proc/self/status"),
    });
    expect((await supervised.ended(attemptId)).outcome).toEqual({ type: "exited", code: 0 });
    expect(supervised.output(attemptId)).toBe("61234\n61235\n61235 61236\nCapEff:\t0000000000000000\n");
  });

  test("writes to its output by whatever name", async () => {
    const supervised = await startSupervised();
    const attemptId = supervised.start({ user: USER, arguments: sh("echo one > /dev/stderr; echo two > /dev/stdout") });
    await supervised.ended(attemptId);
    expect(supervised.output(attemptId)).toBe("one\ntwo\n");
  });

  test("gets no right by a setuid program, and a home of its own", async () => {
    const supervised = await startSupervised();
    const attemptId = supervised.start({
      user: USER,
      arguments: sh("grep NoNewPrivs /proc/self/status; stat -c '%u %a' ../home; echo x > ../home/.bashrc"),
    });
    expect((await supervised.ended(attemptId)).outcome).toEqual({ type: "exited", code: 0 });
    expect(supervised.output(attemptId)).toBe("NoNewPrivs:\t1\n61234 700\n");
    expect(existsSync(`${supervised.spool.directoryOf(attemptId)}/home`)).toBe(false);
  });

  // Containers that forbid keyrings show none.
  test.skipIf(readFileSync("/proc/keys", "utf8") === "")("has a keyring of its own, not root's", async () => {
    const supervised = await startSupervised();
    const ofSession = "awk '$9 ~ /^_ses/ { print $6 }' /proc/keys";
    const attemptId = supervised.start({ user: USER, arguments: sh(ofSession) });
    await supervised.ended(attemptId);
    // Those of attempts before it, which the kernel has not collected yet, are of the same user.
    expect(new Set(supervised.output(attemptId).trim().split("\n"))).toEqual(new Set(["61234"]));
  });

  test("has its directories to itself, and sees nothing of the agent's", async () => {
    const supervised = await startSupervised();
    const { dataDir } = supervised;
    const attemptId = supervised.start({
      user: USER,
      arguments: sh(
        `echo x > inside && echo y > ../tmp/inside && ls . ../tmp; cat ../launch; ls ${dataDir}; cat ${dataDir}/lock; echo > ${dataDir}/notices`,
      ),
    });
    await supervised.ended(attemptId);
    const output = supervised.output(attemptId);
    expect(output).toMatch(/^\.:\ninside\n\n\.\.\/tmp:\ninside\n/);
    expect(output.match(/Permission denied/g)).toHaveLength(4);
    expect(statSync(`${supervised.spool.directoryOf(attemptId)}/launch`).mode & 0o777).toBe(0o600);
  });

  test("may not begin where the user may not go", async () => {
    const supervised = await startSupervised();
    const attemptId = supervised.start({ user: USER, workDir: "/root" });
    expect((await supervised.ended(attemptId)).outcome).toEqual({
      type: "startFailed",
      code: "workDirUnusable",
      message: "/root: Permission denied",
    });
  });

  test("is stopped with its tree, and leaves nothing", async () => {
    const supervised = await startSupervised();
    const attemptId = supervised.start({ user: USER, arguments: sh("sleep 1000 & echo $$ > ready; wait") });
    await supervised.made(attemptId, "ready");
    await supervised.stop(attemptId, "canceled");
    expect((await supervised.ended(attemptId)).outcome).toEqual({ type: "canceled" });
    expect(supervised.alive(attemptId)).toEqual([]);
  });

  test("dies with a supervisor that is killed", async () => {
    const supervised = await startSupervised();
    const attemptId = supervised.start({ user: USER, arguments: sh("echo $$ > ready; exec sleep 1000") });
    await supervised.made(attemptId, "ready");
    const { supervisorPid } = await supervised.claimed(attemptId);
    process.kill(supervisorPid, "SIGKILL");
    await waitFor("the command to die", () => supervised.alive(attemptId).length === 0);
  });
});
