import { readFileSync, readdirSync } from "node:fs";
import { parseAmdSmiList, parseAmdSmiStatic } from "../probe/parse/amd-smi.ts";
import { parseKernelLog } from "../probe/parse/kernel-log.ts";
import { problemsOf } from "../probe/parse/nvidia-failure.ts";
import { parseNvidiaFields } from "../probe/parse/nvidia-fields.ts";
import { parseNvidiaGpus } from "../probe/parse/nvidia-gpus.ts";
import { parseNvidiaLinks } from "../probe/parse/nvidia-links.ts";
import { parseNvidiaList } from "../probe/parse/nvidia-list.ts";
import { parseNvidiaProcesses } from "../probe/parse/nvidia-processes.ts";
import { parseNvidiaTable } from "../probe/parse/nvidia-table.ts";
import { parseNvidiaTopology } from "../probe/parse/nvidia-topology.ts";
import { parseRocmSmi } from "../probe/parse/rocm-smi.ts";
import { parseXpuDump } from "../probe/parse/xpu-dump.ts";
import { parseXpuSmi } from "../probe/parse/xpu-smi.ts";

/** Real outputs of the vendors' tools, each as a file; below `expected/` what we make of it. */
export const FIXTURES_DIR = new URL("../probe/fixtures/", import.meta.url);

/** NVIDIA's own table, which ours is held against; no output of a tool. */
export const XID_CATALOG = "xid-catalog.csv";

type Parse = (text: string) => unknown;

const RECOMMENDED_FIELDS =
  "index,uuid,name,serial,pci.bus_id,driver_version,vbios_version,memory.total,memory.used,memory.free,memory.reserved,utilization.gpu,utilization.memory,temperature.gpu,temperature.memory,power.draw,power.limit,fan.speed,pstate,compute_mode,compute_cap,persistence_mode,mig.mode.current,ecc.mode.current,ecc.errors.uncorrected.volatile.total,ecc.errors.uncorrected.aggregate.total,ecc.errors.corrected.volatile.total,retired_pages.pending,remapped_rows.pending,remapped_rows.failure,gpu_recovery_action,clocks.current.sm,clocks.max.sm,pcie.link.gen.current,pcie.link.width.current,display_active,clocks_event_reasons.active";

const csvWithHeading: Parse = (text) => parseNvidiaGpus(text, null);
const csvOf =
  (fields: string): Parse =>
  (text) =>
    parseNvidiaGpus(text, fields.split(","));
/** A run that ended with what the fixture's name says. */
const failedWith =
  (exitCode: number): Parse =>
  (text) =>
    problemsOf({ exitCode, timedOut: false, stdout: text, stderr: "" });

/** The first pattern that a fixture's name matches says how it is read. */
const PARSERS: readonly (readonly [RegExp, Parse])[] = [
  [/a100x8__index-name/, csvOf("index,name,memory.total,memory.used,utilization.gpu")],
  [/rtx4090x2/, csvOf("index,name,memory.total,memory.used,utilization.gpu,pstate")],
  [/derived__recommended__/, csvOf(RECOMMENDED_FIELDS)],
  [/err__gpu-requires-reset__allfields/, csvOf("index,uuid,name,memory.total,utilization.gpu,temperature.gpu")],
  [/query-compute-apps/, parseNvidiaProcesses],
  [/query-gpu.*csv|err__.*csv/, csvWithHeading],
  [/help-query-gpu/, (text) => [...parseNvidiaFields(text)]],
  [/list(-and-lci)?\.txt/, parseNvidiaList],
  [/nvlink/, parseNvidiaLinks],
  [/topo-m/, parseNvidiaTopology],
  [/table-rows|table__|version\.txt/, parseNvidiaTable],
  [/err__/, failedWith(255)],
  [/dmesg/, parseKernelLog],
  [/amd-smi__list/, (text) => [...parseAmdSmiList(text)]],
  [/amd-smi__static/, parseAmdSmiStatic],
  [/rocm-smi/, parseRocmSmi],
  [/xpu-smi__dump/, parseXpuDump],
  [/xpu-smi/, parseXpuSmi],
];

export interface ProbeFixture {
  /** Below FIXTURES_DIR. */
  file: string;
  text: string;
  parse: Parse;
}

export function readProbeFixtures(): ProbeFixture[] {
  return ["nvidia-smi", "rocm", "xpu"].flatMap((folder) =>
    readdirSync(new URL(`${folder}/`, FIXTURES_DIR))
      .filter((name) => name !== XID_CATALOG)
      .map((name) => {
        const file = `${folder}/${name}`;
        return { file, text: readFileSync(new URL(file, FIXTURES_DIR), "utf8"), parse: parserFor(name) };
      }),
  );
}

function parserFor(name: string): Parse {
  const exitCode = /^err__.*exit(\d+)/.exec(name)?.[1];
  if (exitCode !== undefined) return failedWith(Number(exitCode));
  const parse = PARSERS.find(([pattern]) => pattern.test(name))?.[1];
  if (parse === undefined) throw new Error(`nothing reads the fixture ${name}`);
  return parse;
}
