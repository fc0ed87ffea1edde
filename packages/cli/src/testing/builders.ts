import type { Attempt, Job, JobDetail, Task } from "@drover/shared/api/jobs.ts";
import type { NodeDetail } from "@drover/shared/api/nodes.ts";
import type { SiteList, SiteSummary } from "@drover/shared/api/sites.ts";
import { JobId } from "@drover/shared/domain/ids.ts";
import { HEALTHY } from "@drover/shared/domain/health.ts";
import { Hardware, NodeLoad } from "@drover/shared/domain/node.ts";
import { commandLineOf, JobSubmission, toJobSpec } from "@drover/shared/domain/job.ts";

const T0 = "2026-01-02T03:04:05.000Z";

export function anAttempt(fields: Partial<Attempt> = {}): Attempt {
  const number = fields.number ?? 1;
  return {
    id: `12.0.${number}-k7q2mx`,
    number,
    nodeId: "node-4k7x9q2mab3c",
    nodeName: "gpu-01",
    state: "ended",
    unknown: false,
    outcome: { type: "exited", code: 0 },
    blame: "none",
    allocation: { cpuMilli: 1000, memoryBytes: 512, gpuIds: [], gpuMilli: 1000 },
    pid: 100,
    outputBytes: 0,
    usage: null,
    assignedAt: T0,
    startedAt: T0,
    endedAt: "2026-01-02T03:04:09.500Z",
    ...fields,
  };
}

export function aTask(fields: Partial<Task> = {}): Task {
  return { index: 0, state: "succeeded", cause: "exitedZero", since: T0, waitingReason: null, attempts: [], ...fields };
}

export function aJob(fields: Partial<Job> = {}, submission: JobSubmission = { command: ["echo", "hi"] }): Job {
  const spec = toJobSpec(JobSubmission.parse(submission));
  return {
    id: JobId.parse(12),
    name: spec.name,
    state: "succeeded",
    cancelRequested: false,
    taskCount: spec.arraySize ?? 1,
    tasksByState: { queued: 0, staging: 0, running: 0, succeeded: spec.arraySize ?? 1, failed: 0, canceled: 0 },
    commandLine: commandLineOf(spec),
    labels: spec.labels,
    spec,
    submittedAt: T0,
    startedAt: T0,
    endedAt: "2026-01-02T03:04:15.000Z",
    submittedBy: "anna",
    ...fields,
  };
}

export function aJobDetail(tasks: Task[], fields: Partial<JobDetail> = {}, submission?: JobSubmission): JobDetail {
  return { ...aJob(fields, submission), dependencies: [], waiting: null, tasks, nextTask: null, ...fields };
}

export function aNode(fields: Partial<NodeDetail> = {}): NodeDetail {
  return {
    id: "node-4k7x9q2mab3c",
    name: "gpu-01",
    site: "berlin",
    link: "online",
    linkSince: T0,
    goneSince: null,
    admin: "schedulable",
    adminSince: null,
    adminActor: null,
    adminReason: null,
    drainDeadline: null,
    agentVersion: "0.1.0",
    bootId: "boot",
    labels: {},
    machineId: "4c4c4544-0042-3510-8051-b4c04f4e3732",
    capacity: { cpuMilli: 16_000, memoryBytes: 64 * 1024 ** 3, gpuIds: ["GPU-1", "GPU-2"] },
    allocated: {
      cpuMilli: 1500,
      memoryBytes: 8 * 1024 ** 3,
      gpuShares: [{ gpuId: "GPU-1", gpuMilli: 1000 }],
    },
    attemptCount: 1,
    hardware: Hardware.parse({
      cpu: { model: "EPYC 7443P", cores: 16, physicalCores: 8 },
      memoryBytes: 64 * 1024 ** 3,
      disks: [{ mount: "/", fileSystem: "ext4", sizeBytes: 1024 ** 4, freeBytes: 1024 ** 3 }],
      gpus: [{ id: "GPU-1", index: 0, model: "RTX 4090", memoryBytes: 24 * 1024 ** 3, driverVersion: "570.1" }],
      os: "Debian 12",
      kernel: "6.1.0",
      architecture: "x64",
      warnings: [],
    }),
    health: HEALTHY,
    missingGpus: [],
    load: NodeLoad.parse({ load1: 0.5, memoryAvailableBytes: 32 * 1024 ** 3, dataDiskFreeBytes: 1024 ** 3 }),
    lastHeardAt: T0,
    joinedAt: T0,
    attempts: ["12.0.1-k7q2mx"],
    ...fields,
  };
}

export function aSiteList(sites: SiteSummary[], fleet: Partial<SiteList["fleet"]> = {}): SiteList {
  const count = (of: (site: SiteSummary) => number) => sites.reduce((sum, site) => sum + of(site), 0);
  const nodes = count((site) => site.nodes);
  return { sites, fleet: { nodes, online: count((site) => site.online), frozenSince: null, why: null, ...fleet } };
}
