import { expect, test } from "vitest";
import { Hello } from "../protocol/messages.ts";
import { Hardware } from "./node.ts";

/** As the first release stored it, and as its agents send it. */
const FIRST_RELEASE = {
  cpu: { model: "EPYC 7443P", cores: 16, physicalCores: 8 },
  memoryBytes: 1024,
  disks: [{ mount: "/", fileSystem: "ext4", sizeBytes: 10, freeBytes: 5 }],
  gpus: [{ id: "GPU-1", index: 0, model: "NVIDIA H100 80GB HBM3", memoryBytes: null, driverVersion: null }],
  os: "Debian 12",
  kernel: "6.1.0",
  architecture: "x64",
  warnings: [],
};

test("the hardware of the first release is read, and what it did not say is unknown", () => {
  expect(Hardware.parse(FIRST_RELEASE)).toMatchObject({
    ...FIRST_RELEASE,
    cpu: { sockets: null, usableMilli: null, boundBy: "machine" },
    memory: null,
    networks: [],
    gpus: [{ vendor: "nvidia", modelName: null, migInstances: [], links: {} }],
    gpuFaults: [],
    software: null,
  });
});

test("the hello of an agent of the first release is understood", () => {
  const hello = {
    type: "hello",
    protocolVersion: 1,
    agentVersion: "0.1.0",
    nodeId: "node-4k7x9q2mab3c",
    name: "gpu-01",
    bootId: "boot",
    capacity: { cpuMilli: 16_000, memoryBytes: 1024, gpuIds: ["GPU-1"] },
    hardware: FIRST_RELEASE,
    attempts: [],
  };
  expect(Hello.parse(hello).hardware.disks).toMatchObject([{ isNetwork: false, isReadOnly: false }]);
});
