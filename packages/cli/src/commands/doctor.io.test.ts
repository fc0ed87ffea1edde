import type { Diagnosis } from "@drover/shared/domain/diagnosis.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runDrover } from "../main.ts";
import { aNode } from "../testing/builders.ts";
import { captureShell, type CapturedShell } from "../testing/captured-shell.ts";
import { sendJson, sendProblem, startFakeCoordinator, type FakeCoordinator } from "../testing/fake-coordinator.ts";

let coordinator: FakeCoordinator;
let shell: CapturedShell;
beforeEach(async () => {
  coordinator = await startFakeCoordinator();
  shell = captureShell();
});
afterEach(() => coordinator.kill());

function drover(...words: string[]): Promise<number> {
  return runDrover(["--coordinator", coordinator.url, ...words], shell);
}

const OK = { severity: "ok", subject: "gpu 0", code: null, text: "healthy", evidence: null, advice: null } as const;
const LOST = {
  severity: "unhealthy",
  subject: "gpu 1",
  code: "gpuLost",
  text: "The GPU is lost.",
  evidence: "Xid 79",
  advice: "Reboot the machine.",
} as const;
const CALLS = [{ command: "nvidia-smi -L", tookMs: 40, result: "exit 0", said: "GPU 0: NVIDIA A100" }];

function answers(diagnosis: Diagnosis): void {
  coordinator.on("POST /v1/nodes/gpu-01/diagnose", (_request, response) => sendJson(response, diagnosis));
}

describe("drover doctor", () => {
  test("prints the worst first, what to do about it, what was asked, and a verdict", async () => {
    answers({ findings: [OK, LOST], calls: CALLS });
    expect(await drover("doctor", "gpu-01")).toBe(1);
    expect(shell.stdout()).toBe(
      [
        "unhealthy  gpu 1: The GPU is lost. (gpuLost)",
        "           seen: Xid 79",
        "           do:   Reboot the machine.",
        "ok         gpu 0: healthy",
        "asked      nvidia-smi -L: exit 0 after 40 ms: GPU 0: NVIDIA A100",
        "verdict    unhealthy: 1 unhealthy, 1 ok",
        "",
      ].join("\n"),
    );
    expect(coordinator.requests[0]?.body).toEqual({ burn: false });
  });

  test("exits with 0 where nothing is unhealthy, and says the same as JSON", async () => {
    answers({ findings: [OK], calls: [] });
    expect(await drover("doctor", "gpu-01", "--burn", "--json")).toBe(0);
    expect(JSON.parse(shell.stdout())).toEqual({ findings: [OK], calls: [] });
    expect(coordinator.requests[0]?.body).toEqual({ burn: true });
  });

  test("says what to do where a node that may get tasks is to be burned", async () => {
    coordinator.on("POST /v1/nodes/gpu-01/diagnose", (_request, response) =>
      sendProblem(response, "node.notCordoned", "gpu-01 is not cordoned."),
    );
    expect(await drover("doctor", "gpu-01", "--burn")).toBe(2);
    expect(shell.stderr()).toContain("gpu-01 is not cordoned");
    expect(shell.stderr()).toContain("drover node cordon");
  });
});

describe("drover gpu release", () => {
  test("names the GPU and the node that it is given back to", async () => {
    coordinator.on("POST /v1/nodes/gpu-01/gpus/1/release", (_request, response) => sendJson(response, aNode()));
    expect(await drover("gpu", "release", "gpu-01", "1")).toBe(0);
    expect(shell.stdout()).toBe("gpu 1 of gpu-01 is released\n");
  });

  test("says so where the GPU is not in quarantine", async () => {
    coordinator.on("POST /v1/nodes/gpu-01/gpus/7/release", (_request, response) =>
      sendProblem(response, "gpu.notFound", 'gpu-01 has no GPU "7".'),
    );
    expect(await drover("gpu", "release", "gpu-01", "7")).toBe(2);
    expect(shell.stderr()).toContain('gpu-01 has no GPU "7"');
  });
});
