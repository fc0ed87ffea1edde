import { expect, test } from "vitest";
import { parseTimedTasks } from "./trace.ts";

test("a task of the trace has its own times, and what never ran is left out", () => {
  const text = [
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time",
    "a,1000,1024,1,500,,LS,Running,100,400,150",
    "b,1000,1024,1,1000,,LS,Pending,100,400,",
    "c,1000,1024,0,0,,BE,Failed,90,90,90",
  ].join("\n");
  expect(parseTimedTasks(text)).toMatchObject([
    { arrivesMs: 100_000, runMs: 250_000, gpuMilli: 500 },
    { arrivesMs: 90_000, runMs: 1000, gpuMilli: 0 },
  ]);
});
