import { NodeLoad } from "@drover/shared/domain/node.ts";
import { once } from "node:events";
import { rmSync, truncateSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { aHello, aReport } from "../testing/scenario.ts";
import { RunningCoordinator } from "../testing/running-coordinator.ts";

let coordinator: RunningCoordinator;
beforeAll(async () => {
  coordinator = await RunningCoordinator.start();
});
afterAll(() => coordinator[Symbol.asyncDispose]());

const EXITED = { type: "exited", code: 0 } as const;

async function outputOf(jobId: number, query = ""): Promise<string> {
  return (await coordinator.request(`/v1/jobs/${jobId}/output?${query}`)).text();
}

describe("a connection that does not speak the protocol is told why and closed", () => {
  test.each([
    ["no JSON", "hello?", "agent.helloExpected"],
    ["a heartbeat before the hello", { type: "heartbeat", sequence: 1, load: {} }, "agent.helloExpected"],
    ["a hello without its fields", { type: "hello", protocolVersion: 1 }, "agent.malformedMessage"],
    ["a version from the future", { type: "hello", protocolVersion: 99, shape: "new" }, "agent.protocolUnsupported"],
    ["bytes that are no output", new Uint8Array([9, 9, 9]), "agent.malformedMessage"],
  ])("%s", async (_what, frame, code) => {
    const peer = await coordinator.connectRaw();
    peer.send(typeof frame === "string" || frame instanceof Uint8Array ? frame : JSON.stringify(frame));
    expect(await peer.next("refused")).toMatchObject({ code });
    expect((await peer.closed).reason).toBe(code);
    expect(coordinator.logLines.at(-1)).toMatchObject({ event: "agent.refused", code });
  });

  test("a page in a browser, which sends an Origin", async () => {
    await expect(coordinator.connectRaw({ headers: { origin: "https://evil.example" } })).rejects.toThrow(/403/);
  });

  test("garbage after a good hello, and the node is free to come back", async () => {
    const agent = await coordinator.connectAgent(1);
    agent.send("{{{");
    await agent.next("refused");
    await agent.closed;
    await coordinator.connectAgent(1);
  });
});

describe("an agent", () => {
  test("has its heartbeats acknowledged", async () => {
    const agent = await coordinator.connectAgent(1);
    agent.send({
      type: "heartbeat",
      sequence: 41,
      load: NodeLoad.parse({ load1: 0.5, memoryAvailableBytes: 1, dataDiskFreeBytes: 2 }),
      attemptCount: 0,
    });
    expect(await agent.next("heartbeatAck")).toMatchObject({ sequence: 41 });
    expect((await coordinator.client.getNode("node1")).load?.load1).toBe(0.5);
  });

  test("runs a job whose output arrives in pieces, some of them twice", async () => {
    const agent = await coordinator.connectAgent(1);
    const job = await coordinator.client.submitJob({ command: ["x"] });
    const attemptId = await agent.assigned();
    agent.report(aReport(attemptId));
    agent.sendOutput(attemptId, 0, "hello ");
    agent.sendOutput(attemptId, 3, "lo world");
    agent.sendOutput(attemptId, 100, "from beyond the end");
    await agent.next("outputAck", ({ offsets }) => offsets.some(({ offset }) => offset === 11));
    agent.report(aReport(attemptId, { state: "ended", outcome: EXITED, endedAtMs: 2, outputBytes: 11 }));
    await agent.next("desired", ({ held }) => held.some(({ desired }) => desired === "forget"));
    expect(await outputOf(job.id)).toBe("hello world");
    expect((await coordinator.client.getJob(job.id)).state).toBe("succeeded");
  });

  test("that reports an end before its last byte is asked for the rest first", async () => {
    const agent = await coordinator.connectAgent(1);
    const job = await coordinator.client.submitJob({ command: ["x"] });
    const attemptId = await agent.assigned();
    const ended = aReport(attemptId, { state: "ended", outcome: EXITED, endedAtMs: 2, outputBytes: 6 });
    agent.sendOutput(attemptId, 0, "abc");
    agent.report(ended);
    expect(await agent.next("outputResend")).toMatchObject({ attemptId, offset: 3 });
    expect((await coordinator.client.getJob(job.id)).state).toBe("running");
    agent.sendOutput(attemptId, 3, "def");
    agent.report(ended);
    await agent.next("desired", ({ held }) => held.some(({ desired }) => desired === "forget"));
    expect(await outputOf(job.id)).toBe("abcdef");
  });

  test("that reconnects after the coordinator restarted is told how much output is there", async () => {
    const agent = await coordinator.connectAgent(1);
    await coordinator.client.submitJob({ command: ["x"] });
    const attemptId = await agent.assigned();
    agent.report(aReport(attemptId));
    agent.sendOutput(attemptId, 0, "12345");
    await agent.next("outputAck");
    await coordinator.restart();
    const again = await coordinator.connectRaw();
    again.send(aHello(1, { attempts: [aReport(attemptId, { outputBytes: 9 })] }));
    const welcome = await again.next("welcome");
    expect(welcome.outputOffsets).toEqual({ [attemptId]: 5 });
    expect(welcome.attempts).toEqual([{ desired: "keep", attemptId }]);
    again.report(aReport(attemptId, { state: "ended", outcome: EXITED, endedAtMs: 2, outputBytes: 5 }));
    await again.next("desired");
  });

  test("cannot write into an attempt that is not its own", async () => {
    const agent = await coordinator.connectAgent(1);
    const job = await coordinator.client.submitJob({ command: ["x"] });
    const attemptId = await agent.assigned();
    const thief = await coordinator.connectAgent(2);
    thief.sendOutput(attemptId, 0, "forged");
    // Frames of one connection are taken in order: this one behind it shows that the other was dropped.
    thief.send({
      type: "heartbeat",
      sequence: 1,
      load: NodeLoad.parse({ load1: 0, memoryAvailableBytes: 0, dataDiskFreeBytes: 0 }),
      attemptCount: 0,
    });
    await thief.next("heartbeatAck");
    agent.report(aReport(attemptId, { state: "ended", outcome: EXITED, endedAtMs: 2 }));
    await agent.next("desired");
    expect(await outputOf(job.id)).toBe("");
    thief.cut();
  });
});

describe("output", () => {
  test("is kept per attempt: a retry does not overwrite what the first failure wrote", async () => {
    const agent = await coordinator.connectAgent(1);
    const job = await coordinator.client.submitJob({ command: ["x"], retries: 1 });
    for (const [number, text] of [
      [1, "first\n"],
      [2, "second try\n"],
    ] as const) {
      const attemptId = await agent.assigned();
      agent.sendOutput(attemptId, 0, text);
      await agent.next("outputAck");
      agent.report(
        aReport(attemptId, {
          state: "ended",
          outcome: { type: "exited", code: number === 1 ? 1 : 0 },
          endedAtMs: 2,
          outputBytes: text.length,
        }),
      );
    }
    await agent.next("desired", ({ held }) => held.some(({ attemptId }) => attemptId.includes(".2-")));
    expect(await outputOf(job.id, "attempt=1")).toBe("first\n");
    expect(await outputOf(job.id)).toBe("second try\n");
    expect(await outputOf(job.id, "offset=7")).toBe("try\n");
  });

  test("is followed across a retry to the very end, by a thousand readers at once", async () => {
    const agent = await coordinator.connectAgent(1);
    const job = await coordinator.client.submitJob({ command: ["x"], retries: 1 });
    const path = `/v1/jobs/${job.id}/output?follow=true`;
    // Their heads have come before the first attempt writes: all begin with the first attempt.
    const followers = await Promise.all(Array.from({ length: 1000 }, () => coordinator.request(path)));
    for (const code of [1, 0]) {
      const attemptId = await agent.assigned();
      agent.sendOutput(attemptId, 0, "one ");
      await agent.next("outputAck");
      agent.sendOutput(attemptId, 4, "two ");
      await agent.next("outputAck");
      agent.report(
        aReport(attemptId, { state: "ended", outcome: { type: "exited", code }, endedAtMs: 2, outputBytes: 8 }),
      );
    }
    const texts = await Promise.all(followers.map((follower) => follower.text()));
    expect(new Set(texts)).toEqual(new Set(["one two one two "]));
  });

  test("of a task that waits can be followed, and ends when the task is canceled", async () => {
    const job = await coordinator.client.submitJob({ command: ["x"], resources: { gpus: 9 } });
    const following = outputOf(job.id, "follow=true");
    await coordinator.client.cancelJob(job.id);
    expect(await following).toBe("");
  });

  test.each([
    ["of a task that has not started", "", "output.notFound"],
    ["of a task that is not there", "task=5", "task.notFound"],
    ["of an attempt that is not there", "attempt=3", "attempt.notFound"],
    ["from beyond its end", "follow=true&offset=10", "output.offsetBeyondEnd"],
  ])("%s is refused", async (_what, query, code) => {
    const job = await coordinator.client.submitJob({ command: ["x"], resources: { gpus: 9 } });
    const response = await coordinator.request(`/v1/jobs/${job.id}/output?${query}`);
    expect(await response.json()).toMatchObject({ code });
  });
});

test("output whose file is gone, or a part of it, is said to be missing rather than shown as short", async () => {
  const agent = await coordinator.connectAgent(1);
  const job = await coordinator.client.submitJob({ command: ["x"] });
  const attemptId = await agent.assigned();
  agent.sendOutput(attemptId, 0, "eight by");
  agent.report(aReport(attemptId, { state: "ended", outcome: EXITED, endedAtMs: 2, outputBytes: 8 }));
  await agent.next("desired", ({ held }) => held.some((one) => one.desired === "forget"));
  const file = join(coordinator.dataDir, `output/${job.id}/${attemptId}.log`);
  truncateSync(file, 5);
  const cut = await coordinator.request(`/v1/jobs/${job.id}/output`);
  expect([cut.status, await cut.json()]).toMatchObject([
    410,
    { code: "output.missing", storedBytes: 5, missingBytes: 3 },
  ]);
  rmSync(file);
  const gone = await coordinator.request(`/v1/jobs/${job.id}/output?follow=true`);
  expect(await gone.json()).toMatchObject({ code: "output.missing", storedBytes: 0, missingBytes: 8 });
});

describe("a stranger on the agents' path", () => {
  test.each(["//", "http://[", "/v1/agent/", "/v1/agents"])(
    "asking for %s is refused and harms nobody",
    async (target) => {
      const { port } = new URL(coordinator.url);
      const socket = connect(Number(port), "127.0.0.1");
      socket.write(`GET ${target} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`);
      const [answer] = (await once(socket, "data")) as [Buffer];
      expect(answer.toString()).toMatch(/^HTTP\/1.1 404 /);
      expect((await coordinator.request("/healthz")).status).toBe(200);
    },
  );

  test("under another host's name is refused", async () => {
    await expect(coordinator.connectRaw({ headers: { host: "evil.example" } })).rejects.toThrow(/403/);
  });

  test("that says hello twice on one connection is refused", async () => {
    const peer = await coordinator.connectAgent(5);
    peer.send(aHello(6));
    expect(await peer.next("refused")).toMatchObject({ code: "agent.malformedMessage" });
  });

  test("that says hello on a connection older than its newest is closed, and what it lists is not believed", async () => {
    const late = await coordinator.connectRaw();
    const agent = await coordinator.connectAgent(1);
    const job = await coordinator.client.submitJob({ command: ["x"] });
    const attemptId = await agent.assigned();
    agent.report(aReport(attemptId));
    late.send(aHello(1));
    expect((await late.closed).reason).toBe("the node connected again");
    expect((await coordinator.client.getJob(job.id)).state).toBe("running");
    expect(await coordinator.client.getNode("node1")).toMatchObject({ link: "online", attempts: [attemptId] });
  });

  test("that reports an end without an outcome is refused", async () => {
    const peer = await coordinator.connectAgent(5);
    peer.send({ type: "attempts", reports: [aReport("1.0.1-abcdef" as never, { state: "ended" })] });
    expect(await peer.next("refused")).toMatchObject({ code: "agent.malformedMessage" });
  });
});

test("a job whose script is large and whose tasks are many reaches its node in bounded frames", async () => {
  const agent = await coordinator.connectAgent(1);
  const script = `#${"x".repeat(600_000)}`;
  const job = await coordinator.client.submitJob({ script, array: { size: 128 }, resources: { cpus: 0, memory: 0 } });
  const desired = await agent.next("desired", ({ run }) => run.length === 128);
  expect(desired.jobs.map(({ jobId }) => jobId)).toEqual([job.id]);
  await coordinator.client.cancelJob(job.id);
  agent.report(
    ...desired.run.map(({ attemptId }) =>
      aReport(attemptId, { state: "ended", outcome: { type: "canceled" }, endedAtMs: 1 }),
    ),
  );
  await agent.next("desired", ({ held }) => held.some((one) => one.desired === "forget"));
});

test("a coordinator stops although an agent no longer answers", async () => {
  const stopping = await RunningCoordinator.start();
  const agent = await stopping.connectAgent(1);
  agent.freeze();
  const startedAtMs = performance.now();
  await stopping.stop({ cutsAgents: false });
  expect(performance.now() - startedAtMs).toBeLessThan(10_000);
  agent.cut();
  rmSync(stopping.dataDir, { recursive: true, force: true });
});
