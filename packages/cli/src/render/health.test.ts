import type { HealthReason, NodeHealth } from "@drover/shared/domain/health.ts";
import { describe, expect, test } from "vitest";
import { aNode } from "../testing/builders.ts";
import { healthFields, summarizeHealth } from "./health.ts";

const NOW_MS = 1_000_000;
const lost: HealthReason = { code: "gpuLost", state: "unhealthy", evidence: "[GPU is lost]", sinceMs: NOW_MS - 90_000 };
const filling: HealthReason = { code: "diskFilling", state: "degraded", evidence: "1 GiB free", sinceMs: NOW_MS };

describe("health", () => {
  test.for<[NodeHealth, string]>([
    [{ state: "healthy", reasons: [], gpus: [] }, "healthy"],
    [{ state: "degraded", reasons: [filling], gpus: [] }, "degraded"],
    [{ state: "unhealthy", reasons: [], gpus: [] }, "unhealthy"],
    [
      { state: "healthy", reasons: [], gpus: [{ gpuId: "GPU-1", state: "unhealthy", reasons: [lost] }] },
      "1 GPU unhealthy",
    ],
    [{ state: "healthy", reasons: [], gpus: [{ gpuId: "GPU-1", state: "degraded", reasons: [lost] }] }, "degraded"],
  ])("in one cell of %j is %s", ([health, text]) => {
    expect(summarizeHealth(health)).toBe(text);
  });

  test("names the code, since when, what was seen and what to do", () => {
    const unknown = { ...filling, code: "ofANewerAgent" };
    const health: NodeHealth = {
      state: "degraded",
      reasons: [unknown],
      gpus: [{ gpuId: "GPU-1", state: "unhealthy", reasons: [lost] }],
    };
    expect(healthFields(aNode({ health }), NOW_MS)).toEqual([
      ["health", "degraded: ofANewerAgent for 0ms (1 GiB free)."],
      [
        "health",
        "gpu 0 unhealthy: gpuLost for 1m30s ([GPU is lost]). Restart the machine; if it happens again, look at riser, power and slot.",
      ],
    ]);
    expect(healthFields(aNode(), NOW_MS)).toEqual([["health", "healthy"]]);
  });
});
