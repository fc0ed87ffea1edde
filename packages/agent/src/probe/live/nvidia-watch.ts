import type { Clock } from "@drover/shared/clock.ts";
import type { GpuDevice } from "@drover/shared/domain/gpu.ts";
import type { GpuLoad } from "@drover/shared/domain/gpu-load.ts";
import { problemsOf } from "../parse/nvidia-failure.ts";
import type { NvidiaGpuRow } from "../parse/nvidia-gpus.ts";
import type { GpuUse } from "./gpu-use.ts";
import { startLoopChild, type LoopChild } from "./loop-child.ts";
import { NvidiaSamples, SAMPLE_INTERVAL_MS } from "./nvidia-samples.ts";
import type { ProcessOwner } from "./process-owners.ts";

/** What is asked of each GPU every five seconds, for its load and for its health. */
const LIVE_FIELDS = [
  "index",
  "uuid",
  "pci.bus_id",
  "memory.used",
  "utilization.gpu",
  "temperature.gpu",
  "power.draw",
  "clocks.current.sm",
  "clocks_event_reasons.active",
  "ecc.errors.uncorrected.volatile.total",
  "remapped_rows.pending",
  "remapped_rows.failure",
  "gpu_recovery_action",
  "mig.mode.current",
  "pcie.link.width.current",
  "pcie.link.width.max",
];
/** Of before driver 535; asked where the newer name is refused. */
const OLDER_NAMES: Readonly<Record<string, string>> = {
  "clocks_event_reasons.active": "clocks_throttle_reasons.active",
};
/** In this order: the name may hold commas, so that it must stand where only the cells around it are counted. */
const PROCESS_FIELDS = "gpu_uuid,pid,process_name,used_gpu_memory";
const SILENCE_MS = SAMPLE_INTERVAL_MS * 4;

export interface NvidiaWatchOptions {
  program: string;
  gpus: readonly GpuDevice[];
  environment: Readonly<Record<string, string>>;
  clock: Clock;
  ownerOf: (pid: number) => ProcessOwner;
  /** A watched process ended or hangs; it is started again. */
  onEnded(reason: string): void;
}

export interface NvidiaWatch {
  loads(): GpuLoad[];
  uses(): GpuUse[];
  rows(): NvidiaGpuRow[];
  /** The tool does not answer: nothing that it said before can be relied on. */
  isHanging(): boolean;
  stop(): void;
}

/** One long-lived nvidia-smi for the GPUs, one for the processes on them, and one for MIG where a GPU is split. */
export function watchNvidia(options: NvidiaWatchOptions): NvidiaWatch {
  const { program, gpus, environment, clock, ownerOf, onEnded } = options;
  const samples = new NvidiaSamples();
  const interval = `--loop=${SAMPLE_INTERVAL_MS / 1000}`;
  const format = "--format=csv,noheader,nounits";
  let fields = [...LIVE_FIELDS];
  const ended = (what: string) => (reason: string, lastWords: string) => {
    const problems = problemsOf({ exitCode: 1, timedOut: false, stdout: lastWords, stderr: "" });
    for (const { field } of problems) if (field !== null) fields = withoutField(fields, field);
    const said = problems[0]?.evidence;
    onEnded(`nvidia-smi for ${what}: ${reason}${said === undefined || lastWords === "" ? "" : ` (${said})`}`);
  };
  const gpuChild = startLoopChild({
    program,
    environment,
    clock,
    words: () => [`--query-gpu=${fields.join(",")}`, format, interval],
    silenceMs: SILENCE_MS,
    onLine: (line) => samples.takeGpuLine(line, fields, clock.monotonicMs()),
    onEnded: ended("GPUs"),
  });
  const children: LoopChild[] = [
    gpuChild,
    startLoopChild({
      program,
      environment,
      clock,
      words: () => [`--query-compute-apps=${PROCESS_FIELDS}`, format, interval],
      // GPUs without processes have nothing to say.
      silenceMs: null,
      onLine: (line) => samples.takeProcessLine(line, clock.monotonicMs()),
      onEnded: ended("processes"),
    }),
  ];
  if (gpus.some(({ isMigEnabled }) => isMigEnabled === true)) {
    const onLine = (line: string) => samples.takeTableLine(line, clock.monotonicMs());
    const words = () => [interval];
    children.push(
      startLoopChild({ program, environment, clock, words, silenceMs: SILENCE_MS, onLine, onEnded: ended("MIG") }),
    );
  }
  return {
    loads: () => samples.loads(gpus, ownerOf, clock.monotonicMs()),
    uses: () => samples.uses(gpus, ownerOf, clock.monotonicMs()),
    rows: () => samples.rows(clock.monotonicMs()),
    isHanging: () => gpuChild.isHanging(),
    stop: () => children.forEach((child) => child.stop()),
  };
}

function withoutField(fields: readonly string[], unknown: string): string[] {
  return fields.flatMap((field) => (field !== unknown ? field : (OLDER_NAMES[field] ?? [])));
}
