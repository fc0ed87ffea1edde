import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { toJobSpec, JobSubmission, type JobSpec } from "@drover/shared/domain/job.ts";
import { BYTES_PER_GIB, BYTES_PER_MIB } from "@drover/shared/units.ts";
import { Random } from "../simulation/world/random.ts";
import { CoreFleet, type PassTime } from "./core-fleet.ts";

const NODES = 10_000;
const GPUS_PER_NODE = 8;
const JOBS = 10_000;
const TASKS_PER_JOB = 10;
const SHAPES = 500;
const TURNS = 500;

export interface LargeFleetFigures {
  /** One pass over a fleet that is empty: what fits is placed, and every shape looks everywhere. */
  fullPass: PassTime;
  placedCount: number;
  allocatedPercent: number;
  /** Turns after one task each has ended. */
  turnMs: number[];
  /** Of a pass over a full fleet in which every shape looks at every node, and nothing fits. */
  blockedPass: PassTime;
  stateBytes: number;
}

/** 10,000 nodes of 8 GPUs, and 100,000 waiting tasks of 500 shapes in no order that helps. */
export function measureLargeFleet(): LargeFleetFigures {
  const random = new Random(42);
  const shapes = Array.from({ length: SHAPES }, () => drawShape(random));
  const idleBytes = usedBytes();
  const nodes = Array.from({ length: NODES }, () => ({
    cpuMilli: 96_000,
    memoryBytes: 768 * BYTES_PER_GIB,
    gpuCount: GPUS_PER_NODE,
    gpuModel: "A100",
  }));
  const core = new CoreFleet(nodes);
  const submissions = Array.from({ length: JOBS }, () => core.submission(random.pick(shapes)));
  const fullPass = core.turn(...submissions);
  const stateBytes = usedBytes() - idleBytes;
  const attempts = [...core.fleet.attempts.values()];
  const heldMilli = attempts.reduce((sum, { allocation }) => sum + allocation.gpuIds.length * allocation.gpuMilli, 0);
  const turnMs = Array.from({ length: TURNS }, () => core.endOne(random.pick(attempts).id)).flatMap(
    (time) => time?.wallMs ?? [],
  );
  core.fleet.queue.unblockAll();
  return {
    fullPass,
    placedCount: attempts.length,
    allocatedPercent: heldMilli / (NODES * GPUS_PER_NODE * 10),
    turnMs,
    blockedPass: core.turn(),
    stateBytes,
  };
}

function drawShape(random: Random): JobSpec {
  const gpus = random.pick([0, 0.05, 0.1, 0.25, 0.33, 0.5, 0.8, 1, 1, 1, 1, 2, 4, 8]);
  const cpus = random.between(1, 12) * Math.max(1, gpus);
  const memory = random.between(1, 200) * 256 * BYTES_PER_MIB * Math.max(1, gpus);
  return toJobSpec(
    JobSubmission.parse({ command: ["true"], resources: { cpus, memory, gpus }, array: { size: TASKS_PER_JOB } }),
  );
}

function usedBytes(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}
