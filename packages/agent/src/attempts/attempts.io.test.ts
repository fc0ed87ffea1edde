import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AttemptId } from "@drover/shared/domain/ids.ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nodeFileSystem, type FileSystem } from "../machine/file-system.ts";
import { formatClaim } from "../spool/records.ts";
import { openSpool, type Spool } from "../spool/spool.ts";
import { anAssignment, run } from "../testing/an-assignment.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { NO_CGROUP_ROOTS } from "../testing/no-cgroups.ts";
import { Attempts } from "./attempts.ts";
import { composeLaunch } from "./compose-launch.ts";

const SWEEP_MS = 5_000;

let dataDir: string;
beforeEach(() => (dataDir = mkdtempSync(join(tmpdir(), "drover-attempts-"))));
afterEach(() => rmSync(dataDir, { recursive: true }));

/** The attempts of one agent on a real directory, whose launch files can be made unreadable. */
function anAgent() {
  const disk = { isUnreadable: false, isFull: false };
  const mustHaveRoom = () => {
    if (disk.isFull) throw new Error("ENOSPC");
  };
  const files: FileSystem = {
    ...nodeFileSystem,
    writeText(...file) {
      mustHaveRoom();
      nodeFileSystem.writeText(...file);
    },
    readText(path) {
      if (disk.isUnreadable && path.endsWith("/launch")) throw new Error("EIO");
      return nodeFileSystem.readText(path);
    },
  };
  const spool: Spool = openSpool(dataDir, files);
  const clock = createFakeClock();
  const asked: string[] = [];
  const stopped: number[] = [];
  const attempts = new Attempts({
    bootId: "b00t",
    spool,
    clock,
    supervisors: {
      start: (attemptId) => asked.push(attemptId),
      stop: ({ supervisorPid }) => stopped.push(supervisorPid),
      isAlive: () => true,
      killLeftovers: () => 0,
      removeDirectory() {},
    },
    shipper: { track() {}, finish: (_attemptId, writtenBytes) => writtenBytes, drop() {}, acknowledgedBytes: () => 0 },
    composeLaunch: (assignment, directory) =>
      composeLaunch(assignment, {
        directory,
        nodeName: "n",
        bootId: "b00t",
        cgroupRoots: NO_CGROUP_ROOTS,
        gpus: [],
        gpuMemoryTaken: () => null,
        inherited: {},
        jobUser: null,
        modelPath: () => null,
        hubCachePath: null,
      }),
    log() {},
    gpus: { readGpuUses: () => [], isProcessAlive: () => false, onDirty() {} },
    onReportDue() {},
  });
  return { attempts, spool, clock, disk, asked, stopped };
}

/** An agent that cannot read what an earlier one spooled, and is told to keep it. */
function anAgentThatCannotRead({ isSpooledWhole }: { isSpooledWhole: boolean }) {
  const agent = anAgent();
  const assignment = anAssignment();
  const { attemptId } = assignment;
  if (isSpooledWhole) anAgent().attempts.apply([run(assignment)]);
  else mkdirSync(agent.spool.directoryOf(attemptId));
  agent.disk.isUnreadable = true;
  agent.attempts.adopt();
  return { ...agent, attemptId, keep: { desired: "keep", attemptId } as const };
}

test("an attempt that cannot be read is held, started by nobody, and started once it can be read", () => {
  const { attempts, disk, clock, asked, attemptId, keep } = anAgentThatCannotRead({ isSpooledWhole: true });
  expect(attempts.takeAllReports()).toMatchObject([{ attemptId, state: "starting" }]);
  attempts.apply([keep]);
  clock.advanceBy(SWEEP_MS);
  attempts.sweep();
  expect(asked).toEqual([]);
  disk.isUnreadable = false;
  attempts.sweep();
  attempts.sweep();
  expect(asked).toEqual([attemptId]);
});

test("an attempt that turns out never to have been spooled whole is told to have failed to start", () => {
  const { attempts, disk, spool, attemptId, keep } = anAgentThatCannotRead({ isSpooledWhole: false });
  attempts.apply([keep]);
  attempts.takeDueReports();
  disk.isUnreadable = false;
  attempts.sweep();
  expect(attempts.takeDueReports()).toMatchObject([
    { attemptId, state: "ended", outcome: { type: "startFailed", code: "nodeOutOfResources" } },
  ]);
  attempts.apply([{ desired: "forget", attemptId }]);
  expect(spool.list()).toEqual([]);
  expect(attempts.count()).toBe(0);
});

test("what was said of an attempt while it could not be read holds when it can be", () => {
  const { attempts, disk, spool, attemptId } = anAgentThatCannotRead({ isSpooledWhole: true });
  attempts.apply([{ desired: "stop", attemptId, cause: "preempted" }]);
  disk.isUnreadable = false;
  attempts.sweep();
  expect(attempts.takeDueReports()).toMatchObject([{ attemptId, state: "ended", outcome: { type: "preempted" } }]);
  expect(spool.readExit(attemptId)?.outcome).toEqual({ type: "preempted" });
});

/** What a supervisor writes when it takes an attempt. */
function claimBySupervisor(spool: Spool, attemptId: AttemptId): void {
  const claim = { supervisorPid: 4711, supervisorStartTicks: 1, commandPid: 4712, startedAtMs: 5 };
  writeFileSync(`${spool.directoryOf(attemptId)}/claim`, formatClaim(claim));
}

test("an attempt that runs already when it can be read is told", () => {
  const { attempts, disk, spool, attemptId, keep } = anAgentThatCannotRead({ isSpooledWhole: true });
  claimBySupervisor(spool, attemptId);
  attempts.apply([keep]);
  attempts.takeDueReports();
  disk.isUnreadable = false;
  attempts.sweep();
  expect(attempts.takeDueReports()).toMatchObject([{ attemptId, state: "running", pid: 4712, startedAtMs: 5 }]);
});

test("what is dropped on a full disk is stopped where a supervisor has it, though nobody can write down why", () => {
  const { attempts, disk, spool, stopped } = anAgent();
  const assignment = anAssignment();
  attempts.apply([run(assignment)]);
  claimBySupervisor(spool, assignment.attemptId);
  disk.isFull = true;
  attempts.dropOthers([]);
  expect(stopped).toEqual([4711]);
  expect(attempts.hasLooseEnds()).toBe(false);
});

test("what is dropped on a full disk and has no supervisor yet may still start, until the disk takes our claim", () => {
  const { attempts, disk, spool } = anAgent();
  attempts.apply([run(anAssignment())]);
  disk.isFull = true;
  attempts.dropOthers([]);
  expect(attempts.hasLooseEnds()).toBe(true);
  disk.isFull = false;
  attempts.sweep();
  expect(attempts.hasLooseEnds()).toBe(false);
  expect(spool.list()).toEqual([]);
});
