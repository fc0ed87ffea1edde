import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { makeDataDir, SUPERVISOR_PROGRAM } from "../testing/start-test-agent.ts";
import { sh, startSupervised, type Supervised } from "../testing/supervised.ts";
import { waitFor } from "../testing/wait-for.ts";
import { NO_CGROUPS } from "../testing/no-cgroups.ts";
import { closeCgroups, openCgroups } from "./open-cgroups.ts";
import { nodeFileSystem } from "../machine/file-system.ts";
import { isProcessAlive } from "./processes.ts";

async function outcomeOf(supervised: Supervised, argumentList: string[], launch = {}) {
  return (await supervised.ended(supervised.start({ arguments: argumentList, ...launch }))).outcome;
}

describe("how a command ends", () => {
  test.for([0, 1, 3, 127, 255])("with exit code %i", async (code) => {
    expect(await outcomeOf(await startSupervised(), sh(`exit ${code}`))).toEqual({ type: "exited", code });
  });

  test.for(["SIGTERM", "SIGKILL", "SIGSEGV", "SIGUSR1", "SIGPIPE"])("by %s", async (signal) => {
    const supervised = await startSupervised();
    expect(await outcomeOf(supervised, sh(`kill -${signal.slice(3)} $$`))).toEqual({ type: "signaled", signal });
  });

  test("is recorded with when, how much it wrote and what it used", async () => {
    const supervised = await startSupervised();
    const beforeMs = Date.now();
    const exit = await supervised.ended(
      supervised.start({ arguments: sh("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; printf 12345") }),
    );
    expect(exit.outputBytes).toBe(5);
    expect(exit.endedAtMs).toBeGreaterThanOrEqual(beforeMs);
    expect(exit.usage?.cpuMs).toBeGreaterThan(0);
    expect(exit.usage?.maxRssBytes).toBeGreaterThan(100_000);
  });
});

describe("a command that cannot be started", () => {
  test("is not found", async () => {
    const outcome = await outcomeOf(await startSupervised(), ["no-such-program"]);
    expect(outcome).toEqual({
      type: "startFailed",
      code: "commandNotFound",
      message: "no-such-program: No such file or directory",
    });
  });

  test("is found but not executable", async () => {
    const supervised = await startSupervised();
    const file = `${supervised.dataDir}/plain.txt`;
    writeFileSync(file, "hello", { mode: 0o644 });
    expect(await outcomeOf(supervised, [file])).toMatchObject({ type: "startFailed", code: "commandNotExecutable" });
  });

  test("has no work directory", async () => {
    const outcome = await outcomeOf(await startSupervised(), ["/bin/true"], { workDir: "/no/such/place" });
    expect(outcome).toMatchObject({ type: "startFailed", code: "workDirUnusable" });
  });

  test("is looked up in the PATH of its task, not of the agent", async () => {
    const supervised = await startSupervised();
    const directory = `${supervised.dataDir}/tools`;
    mkdirSync(directory);
    writeFileSync(`${directory}/only-here`, "#!/bin/sh\nexit 9\n", { mode: 0o755 });
    expect(await outcomeOf(supervised, ["only-here"], { environment: { PATH: directory } })).toEqual({
      type: "exited",
      code: 9,
    });
    expect(await outcomeOf(supervised, ["true"], { environment: { PATH: directory } })).toMatchObject({
      code: "commandNotFound",
    });
  });
});

describe("what a command gets", () => {
  test("is every byte of its arguments and environment", async () => {
    const supervised = await startSupervised();
    const odd = ["", " two  spaces ", "line\nbreak", "quote\"'\\", "$HOME `id`", "ünï©ødé 🚚", "-n", "\x01\x7f"];
    const environment = { ODD: odd.join("|"), EMPTY: "" };
    const attemptId = supervised.start({ arguments: ["/usr/bin/printf", "%s\\0", ...odd], environment });
    await supervised.ended(attemptId);
    expect(supervised.output(attemptId)).toBe(`${odd.join("\0")}\0`);
    const printed = supervised.start({ arguments: ["/usr/bin/env", "-0"], environment });
    await supervised.ended(printed);
    const variables = supervised.output(printed).split("\0").filter(Boolean).sort();
    expect(variables).toEqual(
      [`DROVER_ATTEMPT_ID=${printed}`, "EMPTY=", `ODD=${environment.ODD}`, "PATH=/usr/bin:/bin"].sort(),
    );
  });

  test("is a place behind the machine's own processes, where CPUs or memory run out", async () => {
    const supervised = await startSupervised();
    const script = sh("nice; cat /proc/self/oom_score_adj");
    const [weighed, nice] = [
      supervised.start({ arguments: script }),
      supervised.start({ arguments: script, niceness: 5 }),
    ];
    await supervised.ended(weighed);
    await supervised.ended(nice);
    const own = execFileSync("nice", { encoding: "utf8" }).trim();
    expect(supervised.output(weighed)).toBe(`${own}\n500\n`);
    expect(supervised.output(nice)).toBe(`${Math.min(19, Number(own) + 5)}\n500\n`);
  });

  test("is a clean process: three descriptors, no signal blocked or ignored, a group of its own", async () => {
    const supervised = await startSupervised();
    const script = `ls /proc/$$/fd; cat; grep -E '^Sig(Blk|Ign)' /proc/$$/status | cut -f2; echo $$; cut -d' ' -f5 /proc/$$/stat`;
    const attemptId = supervised.start({ arguments: sh(script) });
    await supervised.ended(attemptId);
    const [input, output, errors, blocked, ignored, pid, group] = supervised.output(attemptId).split("\n");
    expect([input, output, errors]).toEqual(["0", "1", "2"]);
    expect([blocked, ignored]).toEqual(["0".repeat(16), "0".repeat(16)]);
    expect(group).toBe(pid);
  });

  test("is a work directory and a temporary directory that are gone afterwards, whatever was put in them", async () => {
    const supervised = await startSupervised();
    const outside = `${supervised.dataDir}/outside`;
    mkdirSync(outside);
    writeFileSync(`${outside}/precious`, "keep me");
    const script = `
      pwd; touch file; mkdir -p a/b; touch a/b/.hidden; chmod 000 a/b; ln -s ${outside} link; ln -s ${outside} ../tmp/link
      mkfifo fifo; d=deep; for i in $(seq 200); do mkdir -p $d; d=$d/x; done`;
    const attemptId = supervised.start({ arguments: sh(script) });
    expect((await supervised.ended(attemptId)).outcome).toEqual({ type: "exited", code: 0 });
    const directory = supervised.spool.directoryOf(attemptId);
    expect(supervised.output(attemptId).trim()).toBe(`${directory}/work`);
    expect(existsSync(`${directory}/work`)).toBe(false);
    expect(existsSync(`${directory}/tmp`)).toBe(false);
    expect(readFileSync(`${outside}/precious`, "utf8")).toBe("keep me");
    expect(supervised.spool.remove(attemptId)).toBe(true);
  });
});

describe("output", () => {
  test("is there to the last byte, in order, of both streams and all children", async () => {
    const supervised = await startSupervised();
    const attemptId = supervised.start({ arguments: sh("head -c 3000000 /dev/zero; (echo child >&2); printf end") });
    expect((await supervised.ended(attemptId)).outputBytes).toBe(3_000_009);
    const output = supervised.output(attemptId);
    expect(output.slice(3_000_000)).toBe("child\nend");
    expect(output.slice(0, 3_000_000) === "\0".repeat(3_000_000)).toBe(true);
  });
});

describe("an attempt's command", () => {
  test("is started once, however often it is asked for", async () => {
    const supervised = await startSupervised();
    const attemptId = supervised.start({ arguments: sh("echo started; sleep 0.3") });
    for (let i = 0; i < 50; i++) supervised.launcher.request("start", attemptId);
    await supervised.ended(attemptId);
    for (let i = 0; i < 5; i++) supervised.launcher.request("start", attemptId);
    // Requests are served in order: when a later attempt has ended, those before it have been looked at.
    await supervised.ended(supervised.start());
    expect(supervised.output(attemptId)).toBe("started\n");
    await waitFor("no supervisor to be left", () => supervised.alive(attemptId).length === 0);
  });

  test("never starts once the agent has taken its claim", async () => {
    const supervised = await startSupervised();
    const attemptId = supervised.spoolOnly({ arguments: sh("echo ran") });
    expect(supervised.spool.claimForAgent(attemptId, 0)).toBe(true);
    supervised.launcher.request("start", attemptId);
    // Requests are served in order: when a later attempt has ended, this one has been looked at.
    await supervised.ended(supervised.start());
    expect(supervised.spool.outputBytes(attemptId)).toBe(0);
    expect(supervised.spool.readExit(attemptId)).toBeNull();
  });

  test("cannot be claimed by the agent once a supervisor has it", async () => {
    const supervised = await startSupervised();
    const attemptId = supervised.start();
    await supervised.claimed(attemptId);
    expect(supervised.spool.claimForAgent(attemptId, 0)).toBe(false);
    await supervised.ended(attemptId);
  });

  test("goes on when its launcher is killed, and its end is recorded", async () => {
    const dataDir = makeDataDir();
    const directory = `${dataDir}/attempts/77.0.1-super0`;
    mkdirSync(directory, { recursive: true });
    const script = `while [ ! -e ${dataDir}/gate ]; do sleep 0.02; done; echo done; exit 4`;
    writeFileSync(
      `${directory}/launch`,
      ["workDir", dataDir, "arg", "/bin/sh", "arg", "-c", "arg", script, ""].join("\0"),
    );
    const launcher = spawn(SUPERVISOR_PROGRAM, [dataDir], { stdio: ["pipe", "ignore", "ignore"] });
    launcher.stdin.write("start 77.0.1-super0\n");
    await waitFor("a claim", () => existsSync(`${directory}/claim`));
    launcher.kill("SIGKILL");
    await once(launcher, "exit");
    writeFileSync(`${dataDir}/gate`, "");
    await waitFor("an exit record", () => existsSync(`${directory}/exit`));
    expect(readFileSync(`${directory}/exit`, "utf8")).toMatch(/^exitCode 4\ncause none\n/);
    expect(readFileSync(`${directory}/output`, "utf8")).toBe("done\n");
  });

  test("dies with a supervisor that is killed", async () => {
    const supervised = await startSupervised();
    const attemptId = supervised.start({ arguments: ["/bin/sleep", "60"] });
    const claim = await supervised.claimed(attemptId);
    await waitFor("sleep to run", () => supervised.alive(attemptId).includes(claim.commandPid));
    process.kill(claim.supervisorPid, "SIGKILL");
    await waitFor("the command to be gone", () => supervised.alive(attemptId).length === 0);
  });

  test("runs beside 200 others", async () => {
    const supervised = await startSupervised();
    const attemptIds = Array.from({ length: 200 }, (_, i) =>
      supervised.start({ arguments: sh(`sleep 0.2; echo ${i}; exit ${i % 7}`) }),
    );
    for (const [i, attemptId] of attemptIds.entries()) {
      const exit = await supervised.ended(attemptId);
      expect(exit.outcome).toEqual({ type: "exited", code: i % 7 });
      expect(supervised.output(attemptId)).toBe(`${i}\n`);
    }
  });
});

/** Ignores SIGTERM in every generation, in a session of its own, with its parent gone: nothing leads to it but /proc. */
const STUBBORN = `
  trap '' TERM; echo $$ > main
  setsid sh -c 'trap "" TERM; echo $$ > own-session; sleep 60' &
  (setsid sh -c '(trap "" TERM; sleep 60 & echo $! > orphan; wait) &') &
  while [ ! -s own-session ] || [ ! -s orphan ]; do sleep 0.01; done; echo 1 > ready
  sleep 60; sleep 60`;

const cgroupRoots = openCgroups(`node-test${process.pid}`);
afterAll(() => closeCgroups(cgroupRoots));

describe.for([
  ["by walking /proc", null],
  ["with a cgroup", cgroupRoots.unified],
] as const)("a stop %s", ([, root]) => {
  const cgroupOf = (name: string) => (root === null ? null : `${root}/${name}-${process.pid}`);
  const cgroupsOf = (name: string) => ({ ...NO_CGROUPS, unified: cgroupOf(name) });

  test("ends the whole tree after the grace, also what hides and does not listen", async () => {
    const supervised = await startSupervised();
    const attemptId = supervised.start({ arguments: sh(STUBBORN), stopGraceMs: 200, cgroups: cgroupsOf("stubborn") });
    await supervised.made(attemptId, "ready");
    expect(supervised.alive(attemptId).length).toBeGreaterThanOrEqual(4);
    const askedAtMs = performance.now();
    await supervised.stop(attemptId, "canceled");
    expect((await supervised.ended(attemptId)).outcome).toEqual({ type: "canceled" });
    expect(performance.now() - askedAtMs).toBeGreaterThanOrEqual(195);
    expect(supervised.alive(attemptId)).toEqual([]);
    const cgroup = cgroupOf("stubborn");
    expect(cgroup !== null && existsSync(cgroup)).toBe(false);
  });

  test("comes for what a command leaves behind when it ends by itself", async () => {
    const supervised = await startSupervised();
    const script = `(setsid sleep 60 &) ; sleep 60 & trap '' TERM; (setsid sh -c 'trap "" TERM; sleep 60' &); exit 5`;
    const attemptId = supervised.start({ arguments: sh(script), cgroups: cgroupsOf("left") });
    expect((await supervised.ended(attemptId)).outcome).toEqual({ type: "exited", code: 5 });
    expect(supervised.alive(attemptId)).toEqual([]);
  });
});

describe("a stop", () => {
  test("is polite: who ends in time is not killed, and has its whole grace even if its parent ends first", async () => {
    const supervised = await startSupervised();
    const script = `(trap 'sleep 0.3; echo saved; exit 0' TERM; echo 1 > ready; while :; do sleep 0.05; done) & wait`;
    const attemptId = supervised.start({ arguments: sh(script) });
    await supervised.made(attemptId, "ready");
    await supervised.stop(attemptId, "preempted");
    expect((await supervised.ended(attemptId)).outcome).toEqual({ type: "preempted" });
    expect(supervised.output(attemptId)).toContain("saved");
  });

  test("reaches processes that are stopped", async () => {
    const supervised = await startSupervised();
    const attemptId = supervised.start({ arguments: sh("echo 1 > ready; kill -STOP $$; sleep 60") });
    await supervised.made(attemptId, "ready");
    await supervised.stop(attemptId, "canceled");
    expect((await supervised.ended(attemptId)).outcome).toEqual({ type: "canceled" });
  });

  test("without a reason in the spool counts as the loss of the supervisor", async () => {
    const supervised = await startSupervised();
    const attemptId = supervised.start({ arguments: ["/bin/sleep", "60"] });
    process.kill((await supervised.claimed(attemptId)).supervisorPid, "SIGTERM");
    expect((await supervised.ended(attemptId)).outcome).toEqual({ type: "nodeLost", code: "supervisorLost" });
  });
});

describe("a time limit", () => {
  test("ends what runs too long, without an agent", async () => {
    const supervised = await startSupervised();
    const attemptId = supervised.start({
      arguments: sh("trap '' TERM; sleep 60; sleep 60"),
      timeoutMs: 100,
      stopGraceMs: 100,
    });
    await supervised.launcher.stop();
    expect((await supervised.ended(attemptId)).outcome).toEqual({ type: "timedOut" });
    expect(supervised.alive(attemptId)).toEqual([]);
  });

  test("does not matter to what ends before", async () => {
    expect(await outcomeOf(await startSupervised(), sh("exit 1"), { timeoutMs: 60_000 })).toEqual({
      type: "exited",
      code: 1,
    });
  });
});

test("a command whose supervisor was told to stop before it began does not begin", async () => {
  const supervised = await startSupervised();
  const ran = join(supervised.dataDir, "ran");
  const attemptId = supervised.spoolOnly({ arguments: sh(`touch ${ran}`) });
  const directory = supervised.spool.directoryOf(attemptId);
  // Opening it holds the supervisor up until somebody reads: between the question whether the attempt is taken and the
  // last look before it starts.
  execFileSync("mkfifo", [`${directory}/output`]);
  supervised.launcher.request("start", attemptId);
  const pid = await waitFor("its supervisor", () => processIn(directory));
  supervised.spool.writeStop(attemptId, "canceled");
  process.kill(pid, "SIGTERM");
  const reader = openSync(`${directory}/output`, constants.O_RDONLY | constants.O_NONBLOCK);
  expect((await supervised.ended(attemptId)).outcome).toEqual({ type: "canceled" });
  closeSync(reader);
  expect(existsSync(ran)).toBe(false);
});

/** Whose current directory it is. */
function processIn(directory: string): number | undefined {
  const isIn = (pid: string) => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === directory;
    } catch {
      return false;
    }
  };
  const pid = readdirSync("/proc").find((name) => /^\d+$/.test(name) && isIn(name));
  return pid === undefined ? undefined : Number(pid);
}

describe("a lease", () => {
  test("that runs out ends what may be started elsewhere, without an agent", async () => {
    const supervised = await startSupervised();
    supervised.setLease(300);
    const attemptId = supervised.start({
      arguments: sh("trap '' TERM; sleep 60; sleep 60"),
      onDisconnect: "restart",
      stopGraceMs: 50,
    });
    const claim = await supervised.claimed(attemptId);
    expect(isProcessAlive(nodeFileSystem, claim.supervisorPid, claim.supervisorStartTicks)).toBe(true);
    await supervised.launcher.stop();
    expect((await supervised.ended(attemptId)).outcome).toEqual({ type: "nodeLost", code: "leaseExpired" });
    expect(supervised.alive(attemptId)).toEqual([]);
    await waitFor(
      "the supervisor to be gone",
      () => !isProcessAlive(nodeFileSystem, claim.supervisorPid, claim.supervisorStartTicks),
    );
  });

  test("that is renewed in time lets it go on", async () => {
    const supervised = await startSupervised();
    supervised.setLease(200);
    const attemptId = supervised.start({ arguments: sh("sleep 0.6; exit 6"), onDisconnect: "restart" });
    await supervised.claimed(attemptId);
    supervised.setLease(60_000);
    expect((await supervised.ended(attemptId)).outcome).toEqual({ type: "exited", code: 6 });
  });

  test("that ran out before the command began keeps it from beginning", async () => {
    const supervised = await startSupervised();
    supervised.setLease(-1);
    const attemptId = supervised.start({ arguments: sh("echo ran"), onDisconnect: "restart" });
    expect((await supervised.ended(attemptId)).outcome).toEqual({ type: "nodeLost", code: "leaseExpired" });
    expect(supervised.output(attemptId)).toBe("");
  });

  test("means nothing to what waits for its node", async () => {
    const supervised = await startSupervised();
    supervised.setLease(-1);
    expect(await outcomeOf(supervised, sh("exit 2"), { onDisconnect: "wait" })).toEqual({ type: "exited", code: 2 });
  });
});

describe("output that is written in ways a file would not survive", () => {
  test("keeps what was written before the command opened its own stderr anew", async () => {
    const supervised = await startSupervised();
    const attemptId = supervised.start({
      arguments: sh("echo 1; echo 2; echo warn > /dev/stderr; echo 3 > /proc/self/fd/1; echo 4"),
    });
    expect((await supervised.ended(attemptId)).outputBytes).toBe(13);
    expect(supervised.output(attemptId)).toBe("1\n2\nwarn\n3\n4\n");
  });

  test("is there to the last byte when the command ends right after a large write", async () => {
    const supervised = await startSupervised();
    const bytes = 8 * 1024 * 1024;
    const attemptId = supervised.start({ arguments: sh(`head -c ${bytes} /dev/zero | tr '\\0' x`) });
    expect((await supervised.ended(attemptId)).outputBytes).toBe(bytes);
    expect(supervised.output(attemptId)).toBe("x".repeat(bytes));
  });
});

test("a process whose first thread has ended is stopped like any other", async () => {
  const supervised = await startSupervised();
  const source = `${supervised.dataDir}/headless.c`;
  const program = `${supervised.dataDir}/headless`;
  // It looks like a zombie in /proc while its second thread runs on.
  const code =
    "#include <pthread.h>\n#include <unistd.h>\n" +
    "static void *run(void *p) { for (;;) pause(); return p; }\n" +
    "int main(void) { pthread_t t; pthread_create(&t, 0, run, 0); pthread_exit(0); }\n";
  writeFileSync(source, code);
  expect(await once(spawn("cc", ["-pthread", "-o", program, source]), "exit")).toEqual([0, null]);
  const attemptId = supervised.start({ arguments: [program], timeoutMs: 300, stopGraceMs: 200 });
  expect((await supervised.ended(attemptId)).outcome).toEqual({ type: "timedOut" });
});

test("a supervisor that comes when its attempt was already forgotten starts nothing", async () => {
  const supervised = await startSupervised();
  const witness = `${supervised.dataDir}/runs`;
  const attemptId = supervised.start({ arguments: sh(`echo run >> ${witness}`), workDir: "/tmp" });
  await supervised.ended(attemptId);
  for (let i = 0; i < 50; i++) supervised.launcher.request("start", attemptId);
  supervised.spool.remove(attemptId);
  // Requests are taken in order: when this one has ended, the others have had their turn.
  await supervised.ended(supervised.start({ arguments: ["/bin/true"] }));
  expect(readFileSync(witness, "utf8")).toBe("run\n");
});
