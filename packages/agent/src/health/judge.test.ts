import { describe, expect, test } from "vitest";
import { HealthJudge, type Observation } from "./judge.ts";

const WALL_MS = 1_700_000_000_000;
const LOST: Observation = { gpuId: "GPU-0", code: "gpuLost", evidence: "[GPU is lost]" };
const HOT: Observation = { gpuId: "GPU-1", code: "thermalThrottle", evidence: "hardwareThermal at 93 °C" };
const GPU_IDS = ["GPU-0", "GPU-1"];

/** A judge that is asked at these seconds of its life. */
function aJudge() {
  const judge = new HealthJudge();
  return (atSeconds: number, observations: readonly Observation[]) =>
    judge.judge(observations, GPU_IDS, WALL_MS + atSeconds * 1000, atSeconds * 1000);
}

const codesOf = (health: ReturnType<ReturnType<typeof aJudge>>, gpuId: string) =>
  health.gpus.find((gpu) => gpu.gpuId === gpuId)?.reasons.map(({ code }) => code) ?? [];

describe("a judge", () => {
  test("finds a node healthy of which nothing is said", () => {
    expect(aJudge()(0, [])).toEqual({ state: "healthy", reasons: [], gpus: [] });
  });

  test("keeps one GPU's trouble to that GPU, with since when and what was seen first", () => {
    const judge = aJudge();
    judge(5, [LOST]);
    expect(judge(10, [{ ...LOST, evidence: "said again in other words" }])).toEqual({
      state: "healthy",
      reasons: [],
      gpus: [
        {
          gpuId: "GPU-0",
          state: "unhealthy",
          reasons: [{ code: "gpuLost", state: "unhealthy", evidence: "[GPU is lost]", sinceMs: WALL_MS + 5000 }],
        },
      ],
    });
  });

  test("tells a quarantine from the one before on the same GPU", () => {
    const judge = aJudge();
    const quarantine = { gpuId: "GPU-0", code: "quarantined", evidence: "70 GiB", sinceMs: 100 } as const;
    judge(0, [quarantine]);
    const [gpu] = judge(5, [{ ...quarantine, sinceMs: 900 }]).gpus;
    expect(gpu?.reasons).toMatchObject([{ sinceMs: 900 }]);
  });

  test("takes heat seriously only when it lasts", () => {
    const judge = aJudge();
    expect(judge(0, [HOT]).gpus).toEqual([]);
    expect(judge(299, [HOT]).gpus).toEqual([]);
    expect(judge(300, [HOT]).gpus).toMatchObject([{ gpuId: "GPU-1", state: "degraded" }]);
    judge(305, []);
    expect(judge(310, [HOT]).gpus).toEqual([]);
  });

  test("returns a GPU only when it has been well for a while, and for twice as long after each relapse", () => {
    const judge = aJudge();
    judge(0, [LOST]);
    expect(codesOf(judge(10, []), "GPU-0")).toEqual(["recovering"]);
    expect(codesOf(judge(69, []), "GPU-0")).toEqual(["recovering"]);
    expect(codesOf(judge(70, []), "GPU-0")).toEqual([]);
    // Again: two minutes.
    judge(100, [LOST]);
    judge(110, []);
    expect(codesOf(judge(229, []), "GPU-0")).toEqual(["recovering"]);
    // And again before it was given back: four.
    judge(229.5, [LOST]);
    judge(240, []);
    expect(codesOf(judge(479, []), "GPU-0")).toEqual(["recovering"]);
    expect(codesOf(judge(480, []), "GPU-0")).toEqual([]);
  });

  test("never makes a flapping GPU wait for more than an hour, and forgives what is long past", () => {
    const judge = aJudge();
    let atSeconds = 0;
    for (let n = 0; n < 20; n++) {
      judge((atSeconds += 10), [LOST]);
      judge((atSeconds += 10), []);
    }
    expect(codesOf(judge(atSeconds + 3599, []), "GPU-0")).toEqual(["recovering"]);
    expect(codesOf(judge((atSeconds += 3600), []), "GPU-0")).toEqual([]);
    judge((atSeconds += 6 * 3600), [LOST]);
    judge((atSeconds += 10), []);
    expect(codesOf(judge(atSeconds + 60, []), "GPU-0")).toEqual([]);
  });

  test("gives a GPU back at once when a foreign process is gone, for it was never ill", () => {
    const judge = aJudge();
    expect(judge(0, [{ gpuId: "GPU-0", code: "foreignUse", evidence: "pid 4" }]).gpus).toMatchObject([
      { state: "unhealthy" },
    ]);
    expect(judge(5, []).gpus).toEqual([]);
  });

  test("calls a node by the worst that it has", () => {
    const filling: Observation = { gpuId: null, code: "diskFilling", evidence: "1 GiB free" };
    const readOnly: Observation = { gpuId: null, code: "diskReadOnly", evidence: "ro" };
    expect(aJudge()(0, [filling]).state).toBe("degraded");
    expect(aJudge()(0, [filling, readOnly])).toMatchObject({ state: "unhealthy", reasons: [{}, {}], gpus: [] });
  });
});
