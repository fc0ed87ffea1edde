import { describe, expect, test } from "vitest";
import { GpuDevice } from "@drover/shared/domain/gpu.ts";
import type { RevisionId } from "@drover/shared/domain/model.ts";
import { anAssignment } from "../testing/an-assignment.ts";
import { environmentFor } from "./environment.ts";

const context = {
  nodeName: "gpu-01",
  tmpDir: "/data/attempts/x/tmp",
  homeDir: "/data/attempts/x/home",
  gpus: [],
  inherited: { PATH: "/opt/bin", HOME: "/root", AWS_SECRET_ACCESS_KEY: "s3cret" },
  jobUser: null,
  modelPath: () => null,
  hubCachePath: null,
};

describe("the environment of a task", () => {
  test("says which task of which job it is and what it may use", () => {
    const assignment = anAssignment({
      taskIndex: 3,
      taskCount: 8,
      attemptNumber: 2,
      allocation: { cpuMilli: 1500, memoryBytes: 1024, gpuIds: ["GPU-a"], gpuMilli: 250 },
    });
    expect(environmentFor(assignment, context)).toMatchObject({
      DROVER_JOB_ID: String(assignment.jobId),
      DROVER_TASK_INDEX: "3",
      DROVER_TASK_COUNT: "8",
      DROVER_ATTEMPT: "2",
      DROVER_ATTEMPT_ID: assignment.attemptId,
      DROVER_NODE_NAME: "gpu-01",
      DROVER_CPUS: "1.5",
      DROVER_MEMORY_BYTES: "1024",
      DROVER_GPUS: "0.25",
      TMPDIR: "/data/attempts/x/tmp",
    });
  });

  test("of another user has that one's name, and a home of the attempt's own", () => {
    const jobUser = { name: "drover-job", uid: 997, gid: 995, groups: [995] };
    expect(environmentFor(anAssignment(), { ...context, jobUser })).toMatchObject({
      HOME: "/data/attempts/x/home",
      USER: "drover-job",
    });
  });

  test("has nothing of the agent's own beyond a few harmless names", () => {
    const environment = environmentFor(anAssignment(), context);
    expect(environment).toMatchObject({ PATH: "/opt/bin", HOME: "/root" });
    expect(environment).not.toHaveProperty("AWS_SECRET_ACCESS_KEY");
  });

  test("has a PATH even where the agent has none", () => {
    expect(environmentFor(anAssignment(), { ...context, inherited: {} })["PATH"]).toContain("/usr/bin");
  });

  test("lets the job override what is not Drover's own word, but not which GPUs it holds", () => {
    const environment = environmentFor(
      anAssignment({ env: { PATH: "/mine", CUDA_VISIBLE_DEVICES: "0", DROVER_NODE_NAME: "fake" } }),
      context,
    );
    expect(environment).toMatchObject({ PATH: "/mine", CUDA_VISIBLE_DEVICES: "", DROVER_NODE_NAME: "gpu-01" });
  });

  test("shows exactly the GPUs that the attempt holds, and none where it holds none", () => {
    const allocation = { cpuMilli: 1, memoryBytes: 1, gpuIds: ["GPU-a", "GPU-b"], gpuMilli: 1000 };
    expect(environmentFor(anAssignment({ allocation }), context)).toMatchObject({
      CUDA_VISIBLE_DEVICES: "GPU-a,GPU-b",
      NVIDIA_VISIBLE_DEVICES: "GPU-a,GPU-b",
      CUDA_DEVICE_ORDER: "PCI_BUS_ID",
    });
    expect(environmentFor(anAssignment(), context)).toMatchObject({
      CUDA_VISIBLE_DEVICES: "",
      ROCR_VISIBLE_DEVICES: "",
    });
    expect(environmentFor(anAssignment(), context)).not.toHaveProperty("ZE_AFFINITY_MASK");
  });

  test("names the GPUs of each vendor in that vendor's own variable, and the instances of a split one by their ids", () => {
    const device = (id: string, index: number, vendor: "nvidia" | "amd" | "intel") =>
      GpuDevice.parse({ id, index, vendor, model: "x", memoryBytes: null, driverVersion: null });
    const mig = { id: "MIG-a", profile: "1g.10gb", gpuInstance: 1, computeInstance: 0, memoryBytes: null };
    const gpus = [
      { ...device("GPU-n", 0, "nvidia"), isMigEnabled: true, migInstances: [mig] },
      device("GPU-04edfb117a17a07d", 0, "amd"),
      device("amd-0000:1e:00", 1, "amd"),
      device("00000000-0000-0000-6769-df256e271362", 2, "intel"),
    ];
    const gpuIds = ["MIG-a", ...gpus.slice(1).map(({ id }) => id)];
    const assignment = anAssignment({ allocation: { cpuMilli: 1, memoryBytes: 1, gpuIds, gpuMilli: 1000 } });
    expect(environmentFor(assignment, { ...context, gpus })).toMatchObject({
      CUDA_VISIBLE_DEVICES: "MIG-a",
      NVIDIA_VISIBLE_DEVICES: "MIG-a",
      ROCR_VISIBLE_DEVICES: "GPU-04edfb117a17a07d,1",
      ZE_AFFINITY_MASK: "2",
    });
  });
});

test("the models of a job are found by a variable each, and by the Hub's libraries offline", () => {
  const revisionId = "0".repeat(32) as RevisionId;
  const assignment = { ...anAssignment(), models: [{ name: "llama3.1-8b", revisionId }] };
  const here = { ...context, modelPath: () => "/models/hub/snapshots/abc", hubCachePath: "/models/hub" };
  expect(environmentFor(assignment, here)).toMatchObject({
    DROVER_MODEL_LLAMA3_1_8B: "/models/hub/snapshots/abc",
    HF_HUB_CACHE: "/models/hub",
    HF_HUB_OFFLINE: "1",
  });
  const own = { ...assignment, env: { HF_HUB_CACHE: "/own", DROVER_MODEL_LLAMA3_1_8B: "/forged" } };
  expect(environmentFor(own, here)).toMatchObject({
    DROVER_MODEL_LLAMA3_1_8B: "/models/hub/snapshots/abc",
    HF_HUB_CACHE: "/own",
  });
  expect(() => environmentFor(assignment, { ...here, modelPath: () => null })).toThrowError("is not ready");
});

test("a job without models is told of no cache", () => {
  expect(environmentFor(anAssignment(), { ...context, hubCachePath: "/models/hub" })).not.toHaveProperty(
    "HF_HUB_CACHE",
  );
});
