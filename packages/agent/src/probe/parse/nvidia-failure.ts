import { normalizePciAddress } from "./pci-address.ts";
import { excerptOf, linesOf } from "./text.ts";

/** How a run of a vendor's tool ended; `null` where there is no such program. */
export interface ToolRun {
  /** `null`: killed by a signal, or still there when its time was up. */
  exitCode: number | null;
  timedOut: boolean;
  stdout: string;
  stderr: string;
}

export const NvidiaFailure = {
  /** No program: no driver was ever installed. */
  toolMissing: "toolMissing",
  toolHangs: "toolHangs",
  driverNotLoaded: "driverNotLoaded",
  /** The driver was upgraded under a module that is still loaded: a reboot or a reload mends it. */
  driverMismatch: "driverMismatch",
  noDevices: "noDevices",
  gpuLost: "gpuLost",
  gpuUnreachable: "gpuUnreachable",
  /** In a container whose device access was taken away, as by `systemctl daemon-reload`. */
  nvmlUnknownError: "nvmlUnknownError",
  noPermission: "noPermission",
  infoRomCorrupted: "infoRomCorrupted",
  unknownField: "unknownField",
  other: "other",
} as const;
export type NvidiaFailure = (typeof NvidiaFailure)[keyof typeof NvidiaFailure];

export interface NvidiaProblem {
  failure: NvidiaFailure;
  /** The line that says so. */
  evidence: string;
  /** The GPU concerned, where one is named. */
  pciAddress: string | null;
  /** With `unknownField`. */
  field: string | null;
}

const MESSAGES: readonly (readonly [RegExp, NvidiaFailure])[] = [
  [/couldn't communicate with the NVIDIA driver/i, NvidiaFailure.driverNotLoaded],
  [/Driver\/library version mismatch/i, NvidiaFailure.driverMismatch],
  [/No devices were found/i, NvidiaFailure.noDevices],
  [/GPU is lost/i, NvidiaFailure.gpuLost],
  [/Unable to determine the device handle/i, NvidiaFailure.gpuUnreachable],
  [/Failed to initialize NVML: Unknown Error/i, NvidiaFailure.nvmlUnknownError],
  [/Insufficient Permissions|No permission/i, NvidiaFailure.noPermission],
  [/infoROM is corrupted/i, NvidiaFailure.infoRomCorrupted],
  [/is not a valid field to query/i, NvidiaFailure.unknownField],
];

/** Where the tool says nothing that we know: the exit codes of its man page, which are NVML's return codes. */
const EXIT_CODES: Readonly<Record<number, NvidiaFailure>> = {
  4: NvidiaFailure.noPermission,
  6: NvidiaFailure.noDevices,
  9: NvidiaFailure.driverNotLoaded,
  12: NvidiaFailure.driverNotLoaded,
  14: NvidiaFailure.infoRomCorrupted,
  15: NvidiaFailure.gpuLost,
  18: NvidiaFailure.driverMismatch,
  127: NvidiaFailure.toolMissing,
};

/** Lines in which trouble is told; some versions say them on stdout, some on stderr, some on both. */
const TELLING = /unable|failed|error|warning|no devices|lost|not a valid|permission|couldn't/i;

/**
 * What went wrong in a run, `[]` where nothing did. The output may still be good: a corrupt infoROM is a warning
 * after it (exit code 14), and one dead GPU does not make the lines about others wrong.
 */
export function problemsOf(run: ToolRun | null): NvidiaProblem[] {
  if (run === null) return [problem(NvidiaFailure.toolMissing, "there is no such program")];
  if (run.timedOut) return [problem(NvidiaFailure.toolHangs, "no answer in time; the driver may hang")];
  const told = run.exitCode === 0 ? linesOf(run.stderr) : linesOf(`${run.stdout}\n${run.stderr}`);
  const problems: NvidiaProblem[] = [];
  for (const line of told) {
    const failure = MESSAGES.find(([pattern]) => pattern.test(line))?.[1];
    if (failure === undefined || problems.some(({ evidence }) => evidence === excerptOf(line))) continue;
    problems.push({ ...problem(failure, line), pciAddress: addressIn(line), field: fieldIn(line) });
  }
  if (problems.length > 0 || run.exitCode === 0) return problems.slice(0, 64);
  const said = told.find((line) => TELLING.test(line)) ?? told.find((line) => line.trim() !== "");
  const failure = EXIT_CODES[run.exitCode ?? -1] ?? NvidiaFailure.other;
  return [problem(failure, said ?? (run.exitCode === null ? "it was killed" : `exit code ${run.exitCode}`))];
}

function problem(failure: NvidiaFailure, evidence: string): NvidiaProblem {
  return { failure, evidence: excerptOf(evidence), pciAddress: null, field: null };
}

/** `GPU0000:07:00.0`, `GPU 0000:0B:00.0` or `gpu 0000:0B:00.0`, then a colon, a full stop or the end. */
function addressIn(line: string): string | null {
  return normalizePciAddress(/gpu\s?((?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])/i.exec(line)?.[1]);
}

function fieldIn(line: string): string | null {
  return /Field "([^"]{1,120})" is not a valid field/.exec(line)?.[1] ?? null;
}
