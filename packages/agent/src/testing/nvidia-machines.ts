import { readFileSync } from "node:fs";
import type { Replay } from "./replayed-tool.ts";
import { FIXTURES_DIR } from "./probe-fixtures.ts";

/** A capture of every field of one H100, with its heading. */
const H100_LOAD = readFileSync(new URL("nvidia-smi/h100-590__query-gpu-all__load.csv.txt", FIXTURES_DIR), "utf8");
const H100_MIG = readFileSync(new URL("nvidia-smi/h100-mig-590__query-gpu-all__idle.csv.txt", FIXTURES_DIR), "utf8");

const HELP: Replay = { when: "--help-query-gpu", fixture: "nvidia-smi/help-query-gpu__driver-610.txt" };

/** What differs from GPU to GPU, by field; everything else is as on the captured one. */
export type GpuCells = Readonly<Record<string, string>>;

export function gpuCsv(gpus: readonly GpuCells[], capture = H100_LOAD): string {
  const [heading = "", line = ""] = capture.trim().split("\n");
  const columns = heading.split(", ").map((title) => title.split(" [")[0] ?? "");
  const cells = line.split(", ");
  const lines = gpus.map((gpu) => columns.map((column, i) => gpu[column] ?? cells[i]).join(", "));
  return `${[heading, ...lines].join("\n")}\n`;
}

/** The n-th of eight A100 in one machine; UUIDs as in the captured list. */
export function a100(index: number): GpuCells {
  return {
    index: String(index),
    uuid: a100Uuid(index),
    name: "NVIDIA A100-SXM4-80GB",
    "pci.bus_id": `00000000:${(0x10 + index).toString(16).toUpperCase()}:00.0`,
    "memory.total": "81920 MiB",
    compute_cap: "8.0",
  };
}

const A100_LIST = readFileSync(new URL("nvidia-smi/a100x8__list.txt", FIXTURES_DIR), "utf8");

export function a100Uuid(index: number): string {
  return /UUID: ([^)]+)/.exec(A100_LIST.split("\n")[index] ?? "")?.[1] ?? "";
}

/** nvidia-smi on a machine with these GPUs, in the order in which a scenario is looked through. */
export function nvidiaSmi(gpus: readonly GpuCells[], more: readonly Replay[] = []): Replay[] {
  return [
    ...more,
    HELP,
    { when: "--query-gpu", csv: gpuCsv(gpus) },
    { when: "^-L$", fixture: "nvidia-smi/a100x8__list.txt" },
    { when: "topo -m", fixture: "nvidia-smi/a100x8__topo-m.txt" },
    { when: "nvlink", fixture: "nvidia-smi/a100x8__nvlink-status.txt" },
    { when: "--query-compute-apps", stdout: "" },
    { when: "^$", fixture: "nvidia-smi/h100-590__table__idle.txt" },
  ];
}

/** The captured H100, split into four instances. */
export function nvidiaSmiWithMig(): Replay[] {
  return [
    HELP,
    { when: "--query-gpu", csv: H100_MIG },
    { when: "^-L$", fixture: "nvidia-smi/h100-mig-590__list.txt" },
    { when: "--query-compute-apps", stdout: "" },
    { when: "^$", fixture: "nvidia-smi/h100-mig-590__table__load.txt" },
  ];
}

/** One that says this and ends with this code, whatever it is asked. */
export function failingNvidiaSmi(fixture: string, exitCode: number): Replay[] {
  return [{ when: "", fixture: `nvidia-smi/${fixture}`, exitCode }];
}

/** Many GPUs, each split into many instances with a process in each: as much to say as there can be. */
export function splitMachine(gpuCount: number, instancesPerGpu: number, pid: number): Replay[] {
  const gpus = Array.from({ length: gpuCount }, (_, index) => ({
    ...a100(index),
    index: String(index),
    uuid: splitUuid("GPU", index, 0),
    "mig.mode.current": "Enabled",
  }));
  const each = gpus.flatMap(({ index }) =>
    Array.from({ length: instancesPerGpu }, (_, instance) => ({ gpu: Number(index), instance })),
  );
  const list = gpus.map(({ index, uuid }) => {
    const instances = each.filter(({ gpu }) => gpu === Number(index));
    const lines = instances.map(
      ({ gpu, instance }) => `  MIG 1g.10gb     Device  ${instance}: (UUID: ${splitUuid("MIG", gpu, instance)})`,
    );
    return [`GPU ${index}: NVIDIA A100-SXM4-80GB (UUID: ${uuid})`, ...lines].join("\n");
  });
  const table = each.flatMap(({ gpu, instance }) => [
    `|  ${gpu}    ${instance + 1}   0   ${instance}  |           1024MiB /  9984MiB    | 16      0 |  1   0    1    0    1 |`,
    `|    ${gpu}    ${instance + 1}    0            ${pid}      C   python3                      1000MiB |`,
  ]);
  const processes = each.map(({ gpu }) => `${splitUuid("GPU", gpu, 0)}, ${pid}, python3, 1000`);
  const everyMs = 5_000;
  return [
    HELP,
    { when: "--query-gpu.*--loop", csv: gpuCsv(gpus), everyMs },
    { when: "--query-gpu", csv: gpuCsv(gpus) },
    { when: "--query-compute-apps.*--loop", stdout: `${processes.join("\n")}\n`, everyMs },
    { when: "^--loop", stdout: `${table.join("\n")}\n`, everyMs },
    { when: "^-L$", stdout: `${list.join("\n")}\n` },
    { when: "^$", stdout: `${table.join("\n")}\n` },
    { when: "", stdout: "" },
  ];
}

function splitUuid(kind: "GPU" | "MIG", gpu: number, instance: number): string {
  return `${kind}-${String(gpu).padStart(8, "0")}-0000-0000-0000-${String(instance).padStart(12, "0")}`;
}
