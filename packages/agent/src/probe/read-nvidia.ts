import type { Clock } from "@drover/shared/clock.ts";
import { composeNvidia, type GpuReading } from "./compose-nvidia.ts";
import type { MachineFiles } from "./machine-files.ts";
import { queryNvidiaGpus, type AskNvidia, type NvidiaAnswer } from "./nvidia-query.ts";
import { NvidiaFailure, problemsOf, type ToolRun } from "./parse/nvidia-failure.ts";
import { gpuUuidOf, parseNvidiaGpus, type NvidiaGpuRow } from "./parse/nvidia-gpus.ts";
import { parseNvidiaLinks } from "./parse/nvidia-links.ts";
import { parseNvidiaList } from "./parse/nvidia-list.ts";
import { parseNvidiaTable } from "./parse/nvidia-table.ts";
import { parseNvidiaTopology } from "./parse/nvidia-topology.ts";
import { normalizePciAddress } from "./parse/pci-address.ts";
import type { RunTool } from "./run-tool.ts";

/** For all questions together; one at a time, because a driver that hangs would let each of them hang. */
const BUDGET_MS = 20_000;

export interface NvidiaSources {
  program: string;
  run: RunTool;
  files: MachineFiles;
  clock: Clock;
  budgetMs?: number;
}

export interface NvidiaReading extends GpuReading {
  cudaVersion: string | null;
}

/** Everything about NVIDIA's GPUs. A machine without its driver has none, and nothing is wrong. */
export async function readNvidia({
  program,
  run,
  files,
  clock,
  budgetMs = BUDGET_MS,
}: NvidiaSources): Promise<NvidiaReading> {
  const deadlineMs = clock.monotonicMs() + budgetMs;
  let hangs = false;
  const ask: AskNvidia = async (words) => {
    const leftMs = deadlineMs - clock.monotonicMs();
    if (hangs || leftMs <= 0) return TIMED_OUT;
    const answer = await run(program, words, leftMs);
    hangs = answer?.timedOut ?? false;
    return answer;
  };
  const answer = await queryNvidiaGpus(ask);
  const isMissing = answer.problems.some(({ failure }) => failure === NvidiaFailure.toolMissing);
  if (isMissing) return { ...readWithoutTool(files), cudaVersion: null };
  if (answer.rows.length === 0) await askOneByOne(ask, answer, addressesOf(files));
  const list = await ask(["-L"]);
  const topology = answer.rows.length > 1 ? await ask(["topo", "-m"]) : null;
  const table = await ask([]);
  const nvlinks = /\bNV\d/.test(topology?.stdout ?? "") ? await ask(["nvlink", "--status"]) : null;
  const parsedList = parseNvidiaList(list?.stdout ?? "");
  const parsedTopology = topology?.exitCode === 0 ? parseNvidiaTopology(topology.stdout) : { value: [], warnings: [] };
  const parsedTable = table === null ? null : parseNvidiaTable(table.stdout);
  const reading = composeNvidia({
    rows: answer.rows,
    list: parsedList.value,
    topology: parsedTopology.value,
    table: parsedTable,
    links: parseNvidiaLinks(nvlinks?.stdout ?? ""),
    problems: distinct([...answer.problems, ...problemsOf(table)]),
  });
  const warnings = [...answer.warnings, ...reading.warnings, ...parsedTopology.warnings];
  for (const { gpuId, evidence } of reading.faults) if (gpuId === null) warnings.push(`nvidia-smi: ${evidence}`);
  return { ...reading, warnings: [...new Set(warnings)], cudaVersion: parsedTable?.cudaVersion ?? null };
}

const TIMED_OUT: ToolRun = { exitCode: null, timedOut: true, stdout: "", stderr: "" };

/** One dead GPU can fail the query for all: the others still answer for themselves. */
async function askOneByOne(ask: AskNvidia, answer: NvidiaAnswer, addresses: readonly string[]): Promise<void> {
  const isHopeless = answer.problems.some(({ failure }) => HOPELESS.has(failure));
  if (isHopeless || addresses.length < 2) return;
  const rows: NvidiaGpuRow[] = [];
  for (const address of addresses) {
    const run = await ask([
      "-i",
      `${address}.0`,
      `--query-gpu=${answer.fields.join(",")}`,
      "--format=csv,noheader,nounits",
    ]);
    if (run?.exitCode === 0) rows.push(...parseNvidiaGpus(run.stdout, answer.fields).value);
    else
      answer.problems.push(
        ...problemsOf(run).map((problem) => ({ ...problem, pciAddress: problem.pciAddress ?? address })),
      );
  }
  answer.rows.push(...rows);
  // What was said of the whole query is now known of the one GPU that caused it.
  if (rows.length > 0) answer.problems = answer.problems.filter(({ pciAddress }) => pciAddress !== null);
}

/** No GPU can answer while these hold. */
const HOPELESS: ReadonlySet<NvidiaFailure> = new Set([
  NvidiaFailure.driverNotLoaded,
  NvidiaFailure.driverMismatch,
  NvidiaFailure.toolHangs,
]);

/** Those that the driver took, as the kernel names them. */
function addressesOf(files: MachineFiles): string[] {
  return files.list("/proc/driver/nvidia/gpus").flatMap((name) => normalizePciAddress(name) ?? []);
}

/** A loaded driver without its tool: there are GPUs that we can name but not watch. */
function readWithoutTool(files: MachineFiles): GpuReading {
  const names = files.list("/proc/driver/nvidia/gpus");
  const faults = names.map((name) => ({
    gpuId: gpuUuidOf(/GPU UUID:\s+(\S+)/.exec(files.read(`/proc/driver/nvidia/gpus/${name}/information`) ?? "")?.[1]),
    pciAddress: normalizePciAddress(name),
    code: NvidiaFailure.toolMissing,
    evidence: "the NVIDIA driver is loaded, but there is no nvidia-smi",
  }));
  return { gpus: [], faults, warnings: faults.length > 0 ? [faults[0]?.evidence ?? ""] : [] };
}

function distinct<T extends { evidence: string }>(problems: readonly T[]): T[] {
  return problems.filter((one, i) => problems.findIndex(({ evidence }) => evidence === one.evidence) === i);
}
