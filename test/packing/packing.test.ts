import { describe, expect, test } from "vitest";
import { arrivalsOf } from "./arrivals.ts";
import { pack } from "./pack.ts";
import { parseNodes, parseTasks, type TraceNode, type TraceTask } from "./trace.ts";

/** Two kinds of node, and tasks whose shares do not divide a GPU evenly: made up, in the form of the published trace. */
const NODES = parseNodes(
  `sn,cpu_milli,memory_mib,gpu,model\n${Array.from({ length: 24 }, (_, i) =>
    i % 3 === 0 ? `n${i},96000,262144,2,T4` : `n${i},64000,262144,8,G2`,
  ).join("\n")}\n`,
);
const TASKS = parseTasks(
  `name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n${Array.from(
    { length: 120 },
    (_, i) => `t${i},${shapeOf(i)}`,
  ).join("\n")}\n`,
);

function shapeOf(index: number): string {
  const shapes = [
    "4000,8192,1,470,",
    "8000,16384,1,1000,",
    "12000,16384,1,320,",
    "3000,4096,1,810,",
    "8000,16384,1,1000,",
    "6000,4096,1,190,T4",
    "16000,8192,0,0,",
    "24000,65536,4,1000,",
    "8000,8192,1,530,",
    "8000,16384,1,1000,G2",
  ];
  return shapes[index % shapes.length] as string;
}

const CAPACITY_MILLI = NODES.reduce((sum, { gpuCount }) => sum + gpuCount * 1000, 0);

/** The scheduler that was there before: each on the first node with room, shares on the first GPU with room. */
function firstFit(nodes: readonly TraceNode[], tasks: readonly TraceTask[]): number {
  const rooms = nodes.map((node) => ({ ...node, gpus: Array.from({ length: node.gpuCount }, () => 1000) }));
  let allocatedMilli = 0;
  for (const { spec, gpuMilli } of tasks) {
    const { cpuMilli, memoryBytes, gpuCount, gpuMilli: share, gpuModels } = spec.resources;
    const fitting = (gpus: number[]) => gpus.flatMap((free, gpu) => (free >= share ? [gpu] : [])).slice(0, gpuCount);
    const room = rooms.find(
      (candidate) =>
        candidate.cpuMilli >= cpuMilli &&
        candidate.memoryBytes >= memoryBytes &&
        (gpuModels.length === 0 || gpuModels.includes(candidate.gpuModel)) &&
        fitting(candidate.gpus).length === gpuCount,
    );
    if (!room) continue;
    room.cpuMilli -= cpuMilli;
    room.memoryBytes -= memoryBytes;
    for (const gpu of fitting(room.gpus)) room.gpus[gpu] = (room.gpus[gpu] as number) - share;
    allocatedMilli += gpuMilli;
  }
  return (100 * allocatedMilli) / CAPACITY_MILLI;
}

describe("the protocol of the packing benchmark", () => {
  test("lets every task arrive, and more of the same until they ask for 130 % of the fleet", () => {
    const arrivals = arrivalsOf(TASKS, CAPACITY_MILLI, 42);
    const arrivedMilli = arrivals.reduce((sum, { gpuMilli }) => sum + gpuMilli, 0);
    expect(arrivedMilli).toBeGreaterThanOrEqual(1.3 * CAPACITY_MILLI);
    expect(arrivedMilli).toBeLessThan(1.3 * CAPACITY_MILLI + 8000);
    for (const task of new Set(TASKS))
      expect(arrivals.filter((arrival) => arrival === task).length).toBeGreaterThanOrEqual(
        TASKS.filter((other) => other === task).length,
      );
    expect(arrivalsOf(TASKS, CAPACITY_MILLI, 42)).toEqual(arrivals);
    expect(arrivalsOf(TASKS, CAPACITY_MILLI, 43)).not.toEqual(arrivals);
  });

  test("leaves tasks out where the list alone asks for more", () => {
    const arrivals = arrivalsOf(TASKS, CAPACITY_MILLI / 10, 42);
    expect(arrivals.reduce((sum, { gpuMilli }) => sum + gpuMilli, 0)).toBeLessThanOrEqual(
      1.3 * (CAPACITY_MILLI / 10) + 8000,
    );
    expect(arrivals.length).toBeLessThan(TASKS.length);
  });
});

describe("a made-up mix through the real scheduler", () => {
  const mean = (amountOf: (seed: number) => number) => [1, 2, 3, 4].reduce((sum, seed) => sum + amountOf(seed) / 4, 0);
  const known = mean((seed) => pack(NODES, TASKS, { seed, knowsMix: true }).allocatedAt130);
  const learnt = mean((seed) => pack(NODES, TASKS, { seed, knowsMix: false }).allocatedAt130);
  const first = mean((seed) => firstFit(NODES, arrivalsOf(TASKS, CAPACITY_MILLI, seed)));

  test("fills more of the GPUs than first fit does", () => {
    expect(known).toBeGreaterThan(first + 1);
    expect(learnt).toBeGreaterThan(first + 1);
  });

  test("comes out the same when it is repeated", () => {
    const once = pack(NODES, TASKS, { seed: 7, knowsMix: false });
    const again = pack(NODES, TASKS, { seed: 7, knowsMix: false });
    expect({ ...again, decisionMs: [] }).toEqual({ ...once, decisionMs: [] });
  });
});
