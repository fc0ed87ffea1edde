import type { ToolRun } from "./parse/nvidia-failure.ts";
import { NvidiaFailure, problemsOf, type NvidiaProblem } from "./parse/nvidia-failure.ts";
import { parseNvidiaFields } from "./parse/nvidia-fields.ts";
import { parseNvidiaGpus, type NvidiaGpuRow } from "./parse/nvidia-gpus.ts";

/** What identifies a GPU; every driver since 2016 knows these. */
const IDENTITY_FIELDS = ["index", "uuid", "name", "pci.bus_id", "driver_version", "memory.total"];
/** What says how it is and what it does. A driver that does not know one of them is asked without it. */
const OTHER_FIELDS = [
  "memory.used",
  "utilization.gpu",
  "utilization.memory",
  "temperature.gpu",
  "power.draw",
  "power.limit",
  "compute_cap",
  "mig.mode.current",
  "ecc.mode.current",
  "ecc.errors.uncorrected.volatile.total",
  "remapped_rows.pending",
  "remapped_rows.failure",
  "gpu_recovery_action",
  "clocks.current.sm",
  "pcie.link.gen.current",
  "pcie.link.gen.max",
  "pcie.link.width.current",
  "pcie.link.width.max",
  "clocks_event_reasons.active",
];
/** Of before driver 535. */
const OLDER_NAMES: Readonly<Record<string, string>> = {
  "clocks_event_reasons.active": "clocks_throttle_reasons.active",
};
/** Each costs a start of the tool. */
const MAX_RETRIES = 4;

export type AskNvidia = (words: readonly string[]) => Promise<ToolRun | null>;

export interface NvidiaAnswer {
  rows: NvidiaGpuRow[];
  problems: NvidiaProblem[];
  warnings: string[];
  /** Those that the driver answers: what to ask for from now on. */
  fields: readonly string[];
}

/** One unknown field makes the whole query fail, so the tool is asked first which it knows. */
export async function queryNvidiaGpus(ask: AskNvidia): Promise<NvidiaAnswer> {
  const help = await ask(["--help-query-gpu"]);
  if (help === null || help.timedOut) return { rows: [], problems: problemsOf(help), warnings: [], fields: [] };
  const known = parseNvidiaFields(help.stdout);
  let fields = [
    ...IDENTITY_FIELDS,
    ...(known.size === 0 ? [] : OTHER_FIELDS.flatMap((field) => nameKnownTo(known, field))),
  ];
  for (let retries = 0; ; retries++) {
    const run = await ask([`--query-gpu=${fields.join(",")}`, "--format=csv,noheader,nounits"]);
    const problems = problemsOf(run);
    const unknown = problems.filter(({ failure }) => failure === NvidiaFailure.unknownField).map(({ field }) => field);
    if (unknown.length > 0 && retries < MAX_RETRIES) {
      fields = fields.filter((field) => !unknown.includes(field));
      continue;
    }
    const reading = parseNvidiaGpus(gpuLinesOf(run), fields);
    return { rows: reading.value, problems, warnings: reading.warnings, fields };
  }
}

function nameKnownTo(known: ReadonlySet<string>, field: string): string[] {
  if (known.has(field)) return [field];
  const older = OLDER_NAMES[field];
  return older !== undefined && known.has(older) ? [older] : [];
}

/** Beside lines about GPUs a failing tool prints sentences, which are problems and not lines. */
function gpuLinesOf(run: ToolRun | null): string {
  if (run === null || run.exitCode === 0) return run?.stdout ?? "";
  return run.stdout
    .split("\n")
    .filter((line) => /^\s*\d{1,4}, /.test(line))
    .join("\n");
}
