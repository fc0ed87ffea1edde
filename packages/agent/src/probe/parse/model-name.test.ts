import { expect, test } from "vitest";
import { normalizeModelName } from "./model-name.ts";

const MIB = 1024 ** 2;

test.for([
  ["NVIDIA A100-SXM4-80GB", 81920, "A100-80GB"],
  ["NVIDIA A100 80GB PCIe", 81920, "A100-80GB"],
  ["NVIDIA A100-SXM4-40GB", 40960, "A100-40GB"],
  ["A100-PCIE-40GB", 40536, "A100-40GB"],
  ["NVIDIA H100 80GB HBM3", 81559, "H100-80GB"],
  ["NVIDIA H100 PCIe", 81559, "H100-80GB"],
  ["NVIDIA H100 NVL", 95830, "H100-94GB"],
  ["NVIDIA H200", 143771, "H200"],
  ["NVIDIA H200 NVL", 143771, "H200"],
  ["NVIDIA L40S", 46068, "L40S"],
  ["NVIDIA GeForce RTX 4090", 24564, "RTX-4090"],
  ["NVIDIA GeForce RTX 4080 SUPER", 16376, "RTX-4080-SUPER"],
  ["GeForce RTX 2080 Ti", 11264, "RTX-2080-Ti"],
  ["NVIDIA RTX 4000 Ada Generation", 20475, "RTX-4000-Ada"],
  ["NVIDIA RTX A6000", 49140, "RTX-A6000"],
  ["NVIDIA RTX PRO 6000 Blackwell Server Edition", 97887, "RTX-PRO-6000-Blackwell-Server-Edition"],
  ["Tesla T4", 15360, "T4"],
  ["Tesla V100-SXM2-32GB", 32510, "V100-32GB"],
  ["Tesla V100-SXM2-16GB", 16160, "V100-16GB"],
  ["Tesla V100-PCIE-16GB", null, "V100-16GB"],
  ["AMD Instinct MI300X OAM", 196592, "MI300X"],
  ["Arcturus GL-XL [Instinct MI100]", 32752, "MI100"],
  ["Radeon Instinct MI50 32GB", 32752, "MI50-32GB"],
  ["Navi 22 [Radeon RX 6700/6700 XT / 6800M]", 12272, "RX-6700"],
  ["Intel(R) Data Center GPU Flex 170", 14250, "Flex-170"],
  ["Intel(R) Data Center GPU Max 1550", 131072, "Max-1550"],
] as const)("%s with %s MiB is called %s", ([name, memoryMib, model]) => {
  expect(normalizeModelName(name, memoryMib === null ? null : memoryMib * MIB)).toBe(model);
});

test.for([null, "", "  ", "NVIDIA", "[]"])("%j is no model", (name) => {
  expect(normalizeModelName(name, null)).toBeNull();
});
