import { existsSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import type { AttemptId } from "@drover/shared/domain/ids.ts";
import { OUTPUT_WINDOW_BYTES } from "@drover/shared/protocol/output-frame.ts";
import { describe, expect, onTestFinished, test } from "vitest";
import { readMachineId } from "./identity.ts";
import { nodeFileSystem } from "./machine/file-system.ts";
import { findByEnvironment } from "./runtime/processes.ts";
import { anAssignment, run } from "./testing/an-assignment.ts";
import { startScriptedCoordinator, type Script } from "./testing/scripted-coordinator.ts";
import { makeDataDir, startTestAgent } from "./testing/start-test-agent.ts";
import { waitFor } from "./testing/wait-for.ts";

async function startCoordinator(script: Partial<Script> = {}) {
  const coordinator = await startScriptedCoordinator(script);
  onTestFinished(() => coordinator.close());
  return coordinator;
}

async function startPair(script: Partial<Script> = {}) {
  const coordinator = await startCoordinator(script);
  const agent = await startTestAgent(coordinator.url);
  await coordinator.connected();
  return { coordinator, agent, directoryOf: (attemptId: AttemptId) => `${agent.dataDir}/attempts/${attemptId}` };
}

function readIfAllowed(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

const sh = (script: string) => ["/bin/sh", "-c", script];
const processesOf = (attemptId: AttemptId) => findByEnvironment(nodeFileSystem, `DROVER_ATTEMPT_ID=${attemptId}`);

describe("an agent that is connected", () => {
  test("says who it is and what it has", async () => {
    const { coordinator, agent } = await startPair();
    const hello = await coordinator.connected();
    expect(hello).toMatchObject({ nodeId: agent.nodeId, name: "test-node", site: "test-site", attempts: [] });
    expect(hello.machineId).toBe(readMachineId(readIfAllowed));
    expect(hello.capacity.cpuMilli).toBe(hello.hardware.cpu.cores * 1000);
  });

  test("runs an attempt, sends its output, reports its end and forgets it when told", async () => {
    const { coordinator, directoryOf } = await startPair();
    const { attemptId, ...assignment } = anAssignment({ command: sh("echo out; echo err >&2; exit 3") });
    coordinator.desire(run({ attemptId, ...assignment }));
    const report = await coordinator.reported(attemptId, "ended");
    expect(report).toMatchObject({ outcome: { type: "exited", code: 3 }, outputBytes: 8 });
    expect(report.startedAtMs).not.toBeNull();
    expect(coordinator.output(attemptId).toString()).toBe("out\nerr\n");
    expect(existsSync(directoryOf(attemptId))).toBe(true);
    coordinator.desire({ desired: "forget", attemptId });
    await waitFor("the spool to be empty", () => !existsSync(directoryOf(attemptId)));
  });

  test("gives a task its environment and its script", async () => {
    const { coordinator, directoryOf } = await startPair();
    const script = "#!/bin/sh\nenv | grep -E '^(DROVER|TMPDIR|CUDA|MODEL|HOME)' | sort; touch $TMPDIR/x";
    const assignment = anAssignment({ command: null, script, env: { MODEL: "tiny" }, taskIndex: 2, taskCount: 5 });
    coordinator.desire(run(assignment));
    await coordinator.reported(assignment.attemptId, "ended");
    const lines = coordinator.output(assignment.attemptId).toString().trim().split("\n");
    expect(lines).toContain(`DROVER_ATTEMPT_ID=${assignment.attemptId}`);
    expect(lines).toContain("DROVER_TASK_INDEX=2");
    expect(lines).toContain("CUDA_VISIBLE_DEVICES=");
    expect(lines).toContain("MODEL=tiny");
    expect(lines).toContain(`TMPDIR=${directoryOf(assignment.attemptId)}/tmp`);
  });

  test("says only once that a silent attempt is over, and sends nothing of its output", async () => {
    const { coordinator } = await startPair();
    const assignment = anAssignment();
    coordinator.desire(run(assignment));
    await coordinator.reported(assignment.attemptId, "ended");
    const states = coordinator.reports.filter((one) => one.attemptId === assignment.attemptId).map((one) => one.state);
    expect(states.filter((state) => state !== "running")).toEqual(["ended"]);
  });

  test("is `releasing` an attempt until its last byte is acknowledged", async () => {
    const { coordinator } = await startPair({ acknowledgeOutput: false });
    const { attemptId, ...assignment } = anAssignment({ command: sh("echo hello") });
    coordinator.desire(run({ attemptId, ...assignment }));
    await coordinator.reported(attemptId, "releasing");
    await waitFor("the output", () => coordinator.output(attemptId).length === 6);
    coordinator.acknowledge(attemptId, 5);
    coordinator.desire({ desired: "stop", attemptId, cause: "canceled" });
    await waitFor("a second report", () => coordinator.reports.filter((one) => one.state === "releasing").length >= 2);
    expect(coordinator.reports.some((one) => one.state === "ended")).toBe(false);
    coordinator.acknowledge(attemptId, 6);
    expect(await coordinator.reported(attemptId, "ended")).toMatchObject({ outcome: { type: "exited", code: 0 } });
  });

  test("stops what is canceled", async () => {
    const { coordinator } = await startPair();
    const { attemptId, ...assignment } = anAssignment({ command: ["/bin/sleep", "60"] });
    coordinator.desire(run({ attemptId, ...assignment }));
    await coordinator.reported(attemptId, "running");
    coordinator.desire({ desired: "stop", attemptId, cause: "canceled" });
    expect(await coordinator.reported(attemptId, "ended")).toMatchObject({ outcome: { type: "canceled" } });
    expect(processesOf(attemptId)).toEqual([]);
  });

  test("never starts what is canceled in the same breath", async () => {
    const { coordinator } = await startPair();
    const assignments = Array.from({ length: 20 }, () => anAssignment({ command: sh("sleep 60") }));
    coordinator.desire(
      ...assignments.map(run),
      ...assignments.map(({ attemptId }) => ({ desired: "stop", attemptId, cause: "preempted" }) as const),
    );
    for (const { attemptId } of assignments) {
      expect((await coordinator.reported(attemptId, "ended")).outcome).toEqual({ type: "preempted" });
    }
  });

  test("answers a stop for what it never had", async () => {
    const { coordinator } = await startPair();
    const { attemptId } = anAssignment();
    coordinator.desire({ desired: "stop", attemptId, cause: "canceled" });
    expect(await coordinator.reported(attemptId, "ended")).toMatchObject({
      outcome: { type: "canceled" },
      outputBytes: 0,
    });
  });

  test("runs a hundred attempts at once without losing a byte", async () => {
    const { coordinator, agent } = await startPair({ forgetEnded: true });
    const assignments = Array.from({ length: 100 }, (_, i) => anAssignment({ command: sh(`seq ${i * 50}`) }));
    coordinator.desire(...assignments.map(run));
    for (const [i, { attemptId }] of assignments.entries()) {
      await coordinator.reported(attemptId, "ended");
      expect(coordinator.output(attemptId).toString().trim().split("\n").at(-1)).toBe(i === 0 ? "" : String(i * 50));
    }
    expect(agent.logged.filter(({ line }) => line === "agent.attemptFailed")).toEqual([]);
  });
});

describe("output", () => {
  test("never has more under way than its window", async () => {
    const { coordinator } = await startPair({ acknowledgeOutput: false });
    const size = 3 * OUTPUT_WINDOW_BYTES + 12_345;
    const { attemptId, ...assignment } = anAssignment({
      command: ["/usr/bin/head", "-c", String(size), "/dev/urandom"],
    });
    coordinator.desire(run({ attemptId, ...assignment }));
    await coordinator.reported(attemptId, "releasing");
    for (let bytes = 0; bytes < size;) {
      const windowEnd = Math.min(size, bytes + OUTPUT_WINDOW_BYTES);
      await waitFor("a full window", () => coordinator.output(attemptId).length === windowEnd);
      bytes = Math.min(windowEnd, bytes + 500_000);
      coordinator.acknowledge(attemptId, bytes);
    }
    await coordinator.reported(attemptId, "ended");
    expect(coordinator.largestWindowBytes()).toBe(OUTPUT_WINDOW_BYTES);
  });

  test("is sent again from where the coordinator could not store it", async () => {
    const { coordinator } = await startPair({ acknowledgeOutput: false });
    const { attemptId, ...assignment } = anAssignment({ command: sh("seq 1000") });
    coordinator.desire(run({ attemptId, ...assignment }));
    await waitFor("the output", () => coordinator.output(attemptId).length === 3893);
    const whole = coordinator.output(attemptId).toString();
    coordinator.cut(attemptId, 1000);
    coordinator.send({ type: "outputResend", attemptId, offset: 1000 });
    await waitFor("the rest again", () => coordinator.output(attemptId).length === 3893);
    expect(coordinator.output(attemptId).toString()).toBe(whole);
    coordinator.acknowledge(attemptId, 3893);
    await coordinator.reported(attemptId, "ended");
  });

  test("goes on where the coordinator left off after the connection broke", async () => {
    const { coordinator } = await startPair();
    const { attemptId, ...assignment } = anAssignment({
      command: sh("for i in $(seq 60); do echo line $i; sleep 0.01; done"),
    });
    coordinator.desire(run({ attemptId, ...assignment }));
    for (let times = 2; times <= 5; times++) {
      await waitFor("more output", () => coordinator.output(attemptId).length > (times - 1) * 60);
      coordinator.disconnect();
      await coordinator.connected(times);
    }
    await coordinator.reported(attemptId, "ended");
    const expected = Array.from({ length: 60 }, (_, i) => `line ${i + 1}\n`).join("");
    expect(coordinator.output(attemptId).toString()).toBe(expected);
  });
});

describe("an agent that loses its coordinator", () => {
  test("repeats in the next hello what was not forgotten", async () => {
    const { coordinator } = await startPair();
    const { attemptId, ...assignment } = anAssignment({ command: sh("exit 7") });
    coordinator.desire(run({ attemptId, ...assignment }));
    await coordinator.reported(attemptId, "ended");
    coordinator.disconnect();
    const hello = await coordinator.connected(2);
    expect(hello.attempts).toMatchObject([{ attemptId, state: "ended", outcome: { type: "exited", code: 7 } }]);
  });

  test("stops and drops what the next welcome does not list", async () => {
    const { coordinator, directoryOf } = await startPair();
    const { attemptId, ...assignment } = anAssignment({ command: ["/bin/sleep", "60"] });
    coordinator.desire(run({ attemptId, ...assignment }));
    await coordinator.reported(attemptId, "running");
    coordinator.script.onHello = () => [];
    coordinator.disconnect();
    await waitFor("the spool to be empty", () => !existsSync(directoryOf(attemptId)));
    expect(processesOf(attemptId)).toEqual([]);
    expect(coordinator.reports.some((one) => one.attemptId === attemptId && one.state === "ended")).toBe(false);
  });

  test("notices that the connection is only half there, and dials again", async () => {
    const { coordinator, agent } = await startPair({ heartbeatIntervalMs: 30, acknowledgeHeartbeats: false });
    await coordinator.connected(2);
    const [line] = agent.logged.filter((one) => one.line === "agent.disconnected");
    expect(line?.fields["reason"]).toMatch(/^nothing heard for \d+ ms$/);
  });

  test("says with each heartbeat how much it holds, until it was told to forget it", async () => {
    const { coordinator } = await startPair({ heartbeatIntervalMs: 30 });
    const { attemptId, ...assignment } = anAssignment();
    coordinator.desire(run({ attemptId, ...assignment }));
    await coordinator.reported(attemptId, "ended");
    await waitFor("a heartbeat after its end", () => coordinator.attemptCounts.at(-1) === 1);
    coordinator.desire({ desired: "forget", attemptId });
    await waitFor("a heartbeat of an empty node", () => coordinator.attemptCounts.at(-1) === 0);
  });

  test("stays connected as long as heartbeats are answered", async () => {
    const { coordinator } = await startPair({ heartbeatIntervalMs: 100 });
    await waitFor("ten heartbeats", () => coordinator.heartbeats.length >= 10);
    expect(coordinator.hellos).toHaveLength(1);
    expect(coordinator.heartbeats).toEqual(coordinator.heartbeats.toSorted((a, b) => a - b));
  });

  test("fences what may be started elsewhere when its lease runs out, and says so", async () => {
    const { coordinator, agent } = await startPair({ leaseMs: 400, heartbeatIntervalMs: 50 });
    const restarts = anAssignment({ command: ["/bin/sleep", "60"], onDisconnect: "restart", stopGraceMs: 50 });
    const waits = anAssignment({ command: ["/bin/sleep", "60"], onDisconnect: "wait" });
    coordinator.desire(run(restarts), run(waits));
    await coordinator.reported(restarts.attemptId, "running");
    await coordinator.reported(waits.attemptId, "running");
    coordinator.script.onHello = () => null;
    coordinator.script.acknowledgeHeartbeats = false;
    await waitFor("the fenced attempt to end", () => processesOf(restarts.attemptId).length === 0);
    expect(processesOf(waits.attemptId).length).toBeGreaterThan(0);
    await waitFor("a line in the log", () => agent.logged.some(({ line }) => line === "agent.leaseExpired"));
    coordinator.script.onHello = (hello) => hello.attempts.map(({ attemptId }) => ({ desired: "keep", attemptId }));
    coordinator.disconnect();
    const report = await coordinator.reported(restarts.attemptId, "ended");
    expect(report.outcome).toEqual({ type: "nodeLost", code: "leaseExpired" });
    coordinator.desire({ desired: "stop", attemptId: waits.attemptId, cause: "canceled" });
    await coordinator.reported(waits.attemptId, "ended");
  });

  test("says why it is refused, and does not come back at once", async () => {
    const coordinator = await startCoordinator({ onHello: () => null });
    const agent = await startTestAgent(coordinator.url);
    await coordinator.connected();
    coordinator.send({ type: "refused", code: "agent.protocolUnsupported", message: "too old" });
    await waitFor("the refusal", () => agent.logged.some(({ line }) => line === "agent.refusedByCoordinator"));
    const { fields } = await waitFor("the end", () => agent.logged.find(({ line }) => line === "agent.disconnected"));
    expect(fields["retryInMs"]).toBeGreaterThanOrEqual(10_000);
  });

  test("ignores what only a newer coordinator says, and leaves one that talks nonsense", async () => {
    const { coordinator, agent } = await startPair();
    coordinator.sendText('{"type":"somethingNew","x":1}');
    const assignment = anAssignment();
    coordinator.desire(run(assignment));
    await coordinator.reported(assignment.attemptId, "ended");
    coordinator.sendText('{"type":"desired","attempts":"all"}');
    await coordinator.connected(2);
    expect(agent.logged.find(({ line }) => line === "agent.disconnected")?.fields["reason"]).toContain("malformed");
  });
});

describe("an agent that starts again", () => {
  test("is the same node", async () => {
    const { coordinator, agent } = await startPair();
    await agent.stop();
    await startTestAgent(coordinator.url, agent.dataDir);
    expect((await coordinator.connected(2)).nodeId).toBe(agent.nodeId);
  });

  test("finds a running attempt again and loses no output", async () => {
    const { coordinator, agent } = await startPair();
    const gate = `${agent.dataDir}/gate`;
    const script = `echo before; while [ ! -e ${gate} ]; do sleep 0.01; done; echo after; exit 5`;
    const { attemptId, ...assignment } = anAssignment({ command: sh(script) });
    coordinator.desire(run({ attemptId, ...assignment }));
    const before = await coordinator.reported(attemptId, "running");
    await agent.stop();
    await startTestAgent(coordinator.url, agent.dataDir);
    const hello = await coordinator.connected(2);
    expect(hello.attempts).toMatchObject([
      { attemptId, state: "running", pid: before.pid, startedAtMs: before.startedAtMs },
    ]);
    writeFileSync(gate, "");
    expect((await coordinator.reported(attemptId, "ended")).outcome).toEqual({ type: "exited", code: 5 });
    expect(coordinator.output(attemptId).toString()).toBe("before\nafter\n");
  });

  test("finds what ended while it was away", async () => {
    const { coordinator, agent, directoryOf } = await startPair();
    const { attemptId, ...assignment } = anAssignment({ command: sh("sleep 0.2; echo bye; exit 6") });
    coordinator.desire(run({ attemptId, ...assignment }));
    await coordinator.reported(attemptId, "running");
    await agent.stop();
    await waitFor("its end", () => existsSync(`${directoryOf(attemptId)}/exit`));
    await startTestAgent(coordinator.url, agent.dataDir);
    expect(await coordinator.reported(attemptId, "ended")).toMatchObject({ outcome: { type: "exited", code: 6 } });
    expect(coordinator.output(attemptId).toString()).toBe("bye\n");
  });

  test("starts what was spooled and never claimed only if the coordinator still wants it", async () => {
    const { coordinator, agent, directoryOf } = await startPair();
    const wanted = anAssignment({ command: sh("exit 8") });
    coordinator.desire(run(wanted));
    await coordinator.reported(wanted.attemptId, "ended");
    await agent.stop();
    // As if the agent had been killed between the spool and the launcher.
    for (const file of ["claim", "exit"]) unlinkIfThere(`${directoryOf(wanted.attemptId)}/${file}`);
    coordinator.script.onHello = () => null;
    await startTestAgent(coordinator.url, agent.dataDir);
    expect((await coordinator.connected(2)).attempts).toMatchObject([{ state: "starting" }]);
    expect(existsSync(`${directoryOf(wanted.attemptId)}/claim`)).toBe(false);
    coordinator.script.onHello = (hello) => hello.attempts.map(({ attemptId }) => ({ desired: "keep", attemptId }));
    coordinator.disconnect();
    await coordinator.connected(3);
    await waitFor("its end", () => coordinator.reports.at(-1)?.state === "ended");
    expect(coordinator.reports.at(-1)).toMatchObject({ outcome: { type: "exited", code: 8 } });
  });

  test("reports as lost what was running when the machine went down, and starts none of it", async () => {
    const { coordinator, agent, directoryOf } = await startPair();
    const { attemptId, ...assignment } = anAssignment({ command: ["/bin/sleep", "60"] });
    coordinator.desire(run({ attemptId, ...assignment }));
    const { pid } = await coordinator.reported(attemptId, "running");
    await agent.stop();
    const launch = `${directoryOf(attemptId)}/launch`;
    writeFileSync(launch, readFileSync(launch, "utf8").replace(/bootId\0[^\0]+/, "bootId\0an earlier boot"));
    await startTestAgent(coordinator.url, agent.dataDir);
    const report = await coordinator.reported(attemptId, "ended");
    expect(report.outcome).toEqual({ type: "nodeLost", code: "rebooted" });
    process.kill(pid!, "SIGKILL");
  });

  test("reports as lost what has no supervisor any more, and kills what it left", async () => {
    const { coordinator, agent, directoryOf } = await startPair();
    const { attemptId, ...assignment } = anAssignment({ command: sh("setsid sleep 60 & sleep 60") });
    coordinator.desire(run({ attemptId, ...assignment }));
    await coordinator.reported(attemptId, "running");
    await waitFor("its child", () => processesOf(attemptId).length >= 3);
    await agent.stop();
    const supervisorPid = /supervisorPid (\d+)/.exec(readFileSync(`${directoryOf(attemptId)}/claim`, "utf8"))![1];
    process.kill(Number(supervisorPid), "SIGKILL");
    await startTestAgent(coordinator.url, agent.dataDir);
    const report = await coordinator.reported(attemptId, "ended");
    expect(report.outcome).toEqual({ type: "nodeLost", code: "supervisorLost" });
    await waitFor("what it left to be gone", () => processesOf(attemptId).length === 0);
    coordinator.desire({ desired: "forget", attemptId });
    await waitFor("its directory to be gone", () => !existsSync(directoryOf(attemptId)));
  });

  test("is refused while another one uses the data directory", async () => {
    const { coordinator, agent } = await startPair();
    await expect(startTestAgent(coordinator.url, agent.dataDir)).rejects.toMatchObject({ code: "dataDir.locked" });
  });

  test("does not mind a launch that was never completed", async () => {
    const coordinator = await startCoordinator();
    const dataDir = makeDataDir();
    const first = await startTestAgent(coordinator.url, dataDir);
    await coordinator.connected();
    await first.stop();
    const directory = `${dataDir}/attempts/1.0.1-broken`;
    mkdirSync(directory);
    writeFileSync(`${directory}/launch.new`, "attemptId");
    await startTestAgent(coordinator.url, dataDir);
    expect((await coordinator.connected(2)).attempts).toEqual([]);
    expect(existsSync(directory)).toBe(false);
  });
});

function unlinkIfThere(path: string): void {
  if (existsSync(path)) unlinkSync(path);
}
