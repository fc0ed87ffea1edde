import { describe, expect, test } from "vitest";
import type { JobId } from "@drover/shared/domain/ids.ts";
import { aGpu, aHello, aJob, aReport, Scenario } from "../../testing/scenario.ts";
import { MAX_ATTEMPTS_PER_NODE } from "./capacity.ts";
import { explainWaiting } from "./explain.ts";

describe("the placement pass", () => {
  test("starts in the order of submission, each on the first node with room", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 1 });
    scenario.hello(2, { cpus: 2 });
    const jobs = [1, 2, 3, 4].map(() => scenario.submit());
    const names = jobs.map((id) => scenario.task(id)?.liveAttemptId && scenario.attempt(id).nodeId.at(-1));
    expect(names).toEqual(["1", "2", "2", null]);
    expect(scenario.task(jobs[3] as never)?.state).toBe("queued");
  });

  test("lets a small task pass a large one that finds no room", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 2 });
    const large = scenario.submit(aJob({ resources: { cpus: 3 } }));
    const small = scenario.submit(aJob({ resources: { cpus: 1 } }));
    expect(scenario.task(large)?.state).toBe("queued");
    expect(scenario.task(small)?.state).toBe("running");
  });

  test("never promises cpus, memory or a GPU twice", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 8, memoryBytes: 1024, gpus: 3 });
    const job = scenario.submit(aJob({ array: { size: 5 }, resources: { cpus: 1, memory: 100, gpus: 1 } }));
    const running = [0, 1, 2, 3, 4].filter((index) => scenario.task(job, index)?.state === "running");
    expect(running).toEqual([0, 1, 2]);
    const gpuIds = running.flatMap((index) => scenario.attempt(job, index).allocation.gpuIds);
    expect(new Set(gpuIds).size).toBe(3);
  });

  test("gives a freed GPU, and only that one, to the next task", () => {
    const scenario = new Scenario();
    scenario.hello(1, { gpus: 2 });
    const job = scenario.submit(aJob({ array: { size: 3 }, resources: { cpus: 0.1, memory: 1, gpus: 1 } }));
    const second = scenario.attempt(job, 1);
    scenario.end(second);
    expect(scenario.attempt(job, 2).allocation.gpuIds).toEqual(second.allocation.gpuIds);
  });

  test("looks again at a blocked shape when a node joins that has room", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 1 });
    const job = scenario.submit(aJob({ resources: { cpus: 4 } }));
    scenario.hello(2, { cpus: 4 });
    expect(scenario.attempt(job).nodeId.at(-1)).toBe("2");
  });

  test("counts fractions of a CPU exactly", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 1 });
    const job = scenario.submit(aJob({ array: { size: 4 }, resources: { cpus: 0.3, memory: 1 } }));
    expect([0, 1, 2, 3].map((index) => scenario.task(job, index)?.state)).toEqual([
      "running",
      "running",
      "running",
      "queued",
    ]);
  });

  test("gives a node no more attempts than its process table is good for, however little they ask", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    scenario.submit(aJob({ array: { size: 1500 }, resources: { cpus: 0, memory: 0 } }));
    expect(scenario.fleet.attempts.size).toBe(MAX_ATTEMPTS_PER_NODE);
  });

  test("forgets the places of tasks that were canceled", () => {
    const scenario = new Scenario();
    scenario.submit(aJob({ resources: { gpus: 1 } }));
    for (let i = 0; i < 3; i++) {
      const jobId = scenario.submit(aJob({ array: { size: 2000 }, resources: { gpus: 1 } }));
      scenario.turn({ type: "cancelJob", jobId, actor: "test" });
    }
    const [shape] = [...scenario.fleet.queue.shapes()];
    expect(shape?.waitingCount).toBe(1);
    expect(shape?.positions.size).toBeLessThan(2000);
  });

  test("places nothing on a node that is not online", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    scenario.turn({
      type: "agentGone",
      sessionId: 1,
      nodeId: scenario.fleet.nodes.values().next().value?.id as never,
      reason: "x",
    });
    const job = scenario.submit();
    expect(scenario.task(job)?.state).toBe("queued");
    expect(explainWaiting(scenario.fleet, aJob().resources).code).toBe("fittingNodesUnavailable");
  });

  test("after a failed commit places again what it had placed", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 1 });
    const first = scenario.submit();
    const second = scenario.submit();
    const end = { type: "attemptReports", sessionId: 1, nodeId: scenario.attempt(first).nodeId } as const;
    const reports = [
      {
        attemptId: scenario.attempt(first).id,
        state: "ended",
        pid: 1,
        startedAtMs: 1,
        endedAtMs: 2,
        outputBytes: 0,
        usage: null,
        outcome: { type: "exited", code: 0 },
      },
    ] as const;
    scenario.failingTurn({ ...end, reports: [...reports] });
    expect(scenario.task(first)?.state).toBe("running");
    expect(scenario.task(second)?.state).toBe("queued");
    scenario.turn({ ...end, reports: [...reports] });
    expect(scenario.task(second)?.state).toBe("running");
  });
});

test("a GPU that was freed and given on in a turn whose commit fails is held by the first again, and by nobody else", () => {
  const scenario = new Scenario();
  scenario.hello(1, { gpus: 1 });
  const spec = aJob({ resources: { gpus: 1 } });
  const [first, second] = [scenario.submit(spec), scenario.submit(spec)];
  const { id, nodeId } = scenario.attempt(first);
  const ended = aReport(id, { state: "ended", outcome: { type: "exited", code: 0 }, endedAtMs: 2 });
  scenario.failingTurn({ type: "attemptReports", sessionId: 1, nodeId, reports: [ended] });
  expect(scenario.fleet.capacity.freeOn(nodeId).gpuShares).toMatchObject([{ gpuMilli: 0 }]);
  scenario.submit(spec);
  expect(scenario.fleet.attempts.size).toBe(1);
  expect(scenario.task(second)?.state).toBe("queued");
});

describe("priority", () => {
  const one = (priority?: number) => aJob({ resources: { cpus: 1 }, ...(priority !== undefined && { priority }) });

  test("comes before age, and age decides among equals", () => {
    const scenario = new Scenario();
    const jobs = [undefined, -1, 5, 5, 1].map((priority) => scenario.submit(one(priority)));
    scenario.hello(1, { cpus: 5 });
    const started = scenario.eventsNamed("attempt.assigned").map(({ jobId }) => jobs.indexOf(jobId as JobId));
    expect(started).toEqual([2, 3, 4, 0, 1]);
  });

  test("decides who gets room that becomes free, whatever each asks for", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 2 });
    const first = scenario.submit(aJob({ resources: { cpus: 2 } }));
    const small = scenario.submit(one(0));
    const urgent = scenario.submit(aJob({ resources: { cpus: 2 }, priority: 1 }));
    scenario.end(scenario.attempt(first));
    expect([scenario.task(small)?.state, scenario.task(urgent)?.state]).toEqual(["queued", "running"]);
  });

  test("is kept by a task that is queued again", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 1 });
    const urgent = scenario.submit(aJob({ resources: { cpus: 1 }, priority: 1, retries: 1 }));
    const other = scenario.submit(one(0));
    scenario.end(scenario.attempt(urgent), { type: "exited", code: 1 });
    expect([scenario.attempt(urgent).number, scenario.task(other)?.state]).toEqual([2, "queued"]);
  });
});

describe("a share of a GPU", () => {
  const share = (gpus: number) => aJob({ resources: { cpus: 0.1, memory: 1, gpus } });
  const gpuOf = (scenario: Scenario, jobId: JobId) => scenario.attempt(jobId).allocation;

  test("lies on one GPU with others as long as there is room, and leaves the next GPU whole", () => {
    const scenario = new Scenario();
    scenario.hello(1, { gpus: 2 });
    const jobs = [0.5, 0.25, 0.25, 1].map((gpus) => scenario.submit(share(gpus)));
    const allocations = jobs.map((jobId) => gpuOf(scenario, jobId));
    expect(allocations.map(({ gpuMilli }) => gpuMilli)).toEqual([500, 250, 250, 1000]);
    expect(new Set(allocations.slice(0, 3).flatMap(({ gpuIds }) => gpuIds)).size).toBe(1);
    const waiting = scenario.submit(share(0.001));
    expect(scenario.task(waiting)?.state).toBe("queued");
    scenario.end(scenario.attempt(jobs[1] as JobId));
    expect(gpuOf(scenario, waiting).gpuIds).toEqual(allocations[0]?.gpuIds);
  });

  test("keeps a whole GPU from everybody who wants all of it", () => {
    const scenario = new Scenario();
    scenario.hello(1, { gpus: 1 });
    const small = scenario.submit(share(0.001));
    const whole = scenario.submit(share(1));
    expect(scenario.task(whole)?.state).toBe("queued");
    scenario.end(scenario.attempt(small));
    expect(scenario.task(whole)?.state).toBe("running");
  });

  test("is held again, and no more than that, after a turn whose commit fails", () => {
    const scenario = new Scenario();
    scenario.hello(1, { gpus: 1 });
    const [first, second] = [scenario.submit(share(0.6)), scenario.submit(share(0.6))];
    const { id, nodeId } = scenario.attempt(first);
    const ended = aReport(id, { state: "ended", outcome: { type: "exited", code: 0 }, endedAtMs: 2 });
    scenario.failingTurn({ type: "attemptReports", sessionId: 1, nodeId, reports: [ended] });
    expect(scenario.fleet.capacity.freeOn(nodeId).gpuShares).toEqual([{ gpuId: "GPU-1-0", gpuMilli: 400 }]);
    expect(scenario.task(second)?.state).toBe("queued");
  });
});

describe("the choice of a node", () => {
  const onNode = (scenario: Scenario, jobId: JobId) => Number(scenario.attempt(jobId).nodeId.slice(-1));
  const withGpus = (number: number, model: string, count: number) => {
    const gpus = Array.from({ length: count }, (_, index) =>
      aGpu(`GPU-${number}-${index}`, { model, modelName: model }),
    );
    return { gpus: count, hardware: { ...aHello(number).hardware, gpus } };
  };

  test("keeps CPU work off the nodes whose GPUs would be left without a CPU", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 8, gpus: 8 });
    scenario.hello(2, { cpus: 8 });
    const gpuTask = scenario.submit(aJob({ resources: { cpus: 1, gpus: 1 } }));
    const cpuTask = scenario.submit(aJob({ resources: { cpus: 4 } }));
    expect([onNode(scenario, gpuTask), onNode(scenario, cpuTask)]).toEqual([1, 2]);
  });

  test("keeps a model that some ask for by name for those, where another will do", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 64, ...withGpus(1, "A100-80GB", 4) });
    scenario.hello(2, { cpus: 64, ...withGpus(2, "L40S", 4) });
    const named = scenario.submit(aJob({ resources: { gpus: { model: "A100" } } }));
    const any = [1, 2, 3].map(() => scenario.submit(aJob({ resources: { gpus: 1 } })));
    expect(onNode(scenario, named)).toBe(1);
    expect(any.map((jobId) => onNode(scenario, jobId))).toEqual([2, 2, 2]);
  });

  test("keeps GPUs of one node together for those who need several", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 64, gpus: 4 });
    scenario.hello(2, { cpus: 64, gpus: 2 });
    scenario.end(scenario.attempt(scenario.submit(aJob({ resources: { gpus: 4 } }))));
    const single = scenario.submit(aJob({ resources: { gpus: 1 } }));
    const large = scenario.submit(aJob({ resources: { gpus: 4 } }));
    expect([onNode(scenario, single), onNode(scenario, large)]).toEqual([2, 1]);
  });
});

describe("the reason why a task waits", () => {
  const request = aJob({ resources: { cpus: 4, memory: "1GiB" } }).resources;

  test("is that there are no nodes, while there are none", () => {
    expect(explainWaiting(new Scenario().fleet, request)).toMatchObject({ code: "noNodes", nodes: [] });
  });

  test("is that no node could ever fit, with what the nearest lacks in all", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 2 });
    scenario.hello(2, { cpus: 3 });
    const reason = explainWaiting(scenario.fleet, request);
    expect(reason.code).toBe("noNodeCouldEverFit");
    expect(reason.nodes[0]).toMatchObject({ nodeName: "node2", verdict: "tooSmall", missing: { cpuMilli: 1000 } });
    expect(reason.message).toContain("node2, which lacks 1 CPU");
  });

  test("is that every large enough node is busy, with what the nearest lacks right now", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 4 });
    scenario.submit(aJob({ resources: { cpus: 1.5 } }));
    const reason = explainWaiting(scenario.fleet, request);
    expect(reason.code).toBe("noNodeFitsNow");
    expect(reason.nodes[0]).toMatchObject({ verdict: "busy", missing: { cpuMilli: 1500 } });
  });

  test("says which GPU, and how much of it, the nearest lacks", () => {
    const scenario = new Scenario();
    const gpus = [aGpu("GPU-1-0", { memoryBytes: 80 * 1024 ** 3 })];
    scenario.hello(1, { gpus: 1, hardware: { ...aHello(1).hardware, gpus } });
    scenario.submit(aJob({ resources: { cpus: 0.1, gpus: 0.9 } }));
    const why = (resources: object) =>
      explainWaiting(scenario.fleet, aJob({ resources: { cpus: 0.1, ...resources } }).resources);
    expect(why({ gpus: 0.25 })).toMatchObject({ code: "noNodeFitsNow" });
    expect(why({ gpus: 0.25 }).message).toContain("node1, which lacks 0.25 of a GPU");
    expect(why({ gpuMemory: "10GiB" }).message).toContain("node1, which lacks 10 GiB of a GPU");
    expect(why({ gpus: { model: ["H100"], memory: ">=40GiB" } })).toMatchObject({ code: "noNodeCouldEverFit" });
    expect(why({ gpus: { model: ["H100"], memory: ">=40GiB" } }).message).toContain(
      "node1, which lacks 1 GPU (H100, with 40 GiB or more)",
    );
  });
});
