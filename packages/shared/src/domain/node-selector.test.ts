import { expect, it, test } from "vitest";
import { parseNodeSelector, selects, type SelectableNode } from "./node-selector.ts";

const GIB = 1024 ** 3;
const node: SelectableNode = {
  names: ["gpu-01", "node-4k7x9q2mab3c"],
  site: "berlin",
  memoryBytes: 256 * GIB,
  gpuModels: ["A100-80GB", "NVIDIA A100-SXM4-80GB"],
  gpuMemoryBytes: 80 * GIB,
  gpuCount: 4,
};

test.each([
  ["gpu-01", true],
  ["node-4k7x9q2mab3c", true],
  ["gpu-*", true],
  ["gpu-02", false],
  ["gpu.memory >= 40GiB", true],
  ["gpu.memory>=80GiB and gpu.count > 3", true],
  ["gpu.memory > 80GiB", false],
  ["site = berlin and gpu.model = a100*", true],
  ["site != berlin", false],
  ["memory < 64GiB", false],
])("%j selects it: %s", (text, does) => {
  const selector = parseNodeSelector(text);
  expect(selector && selects(selector, node)).toBe(does);
});

it.each(["", "gpu memory", "gpu.memory >= lots", "gpu.colour = red", "site > berlin", "a and", "a; rm -rf"])(
  "%j is no selector",
  (text) => {
    expect(parseNodeSelector(text)).toBeNull();
  },
);
