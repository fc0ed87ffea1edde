import { bySeverity, type Finding, type FindingSeverity } from "@drover/shared/domain/diagnosis.ts";
import { HEALTH_CODES, isHealthCode, type HealthReason, type NodeHealth } from "@drover/shared/domain/health.ts";
import type { Hardware, NodeLoad } from "@drover/shared/domain/node.ts";
import { formatBytes } from "@drover/shared/units.ts";

export interface DiagnosisFacts {
  hardware: Hardware;
  load: NodeLoad;
  health: NodeHealth;
  /** Without it nothing is known of Xids. */
  canReadKernelLog: boolean;
}

/** What was looked at and what was found, the worst first, each with what to do about it. */
export function findingsOf(facts: DiagnosisFacts): Finding[] {
  const noted = notesOf(facts).map((text) => plain("note", text));
  const well = factsOf(facts).map((text) => plain("ok", text));
  return bySeverity([...healthFindings(facts.hardware, facts.health), ...noted, ...well]);
}

/** What is wrong with the node and its GPUs. */
export function healthFindings(hardware: Hardware, health: NodeHealth): Finding[] {
  const ofGpus = health.gpus.flatMap(({ gpuId, reasons }) => {
    const index = hardware.gpus.find(({ id }) => id === gpuId)?.index;
    return reasons.map((reason) => findingOf(`gpu ${index ?? gpuId}`, reason));
  });
  return bySeverity([...health.reasons.map((reason) => findingOf("node", reason)), ...ofGpus]);
}

function findingOf(subject: string, { code, state, evidence }: HealthReason): Finding {
  const known = isHealthCode(code) ? HEALTH_CODES[code] : { meaning: code, advice: null };
  return { severity: state, subject, code, text: known.meaning, evidence, advice: known.advice };
}

export function plain(severity: FindingSeverity, text: string): Finding {
  return { severity, subject: null, code: null, text, evidence: null, advice: null };
}

/** What limits the looking itself, and what a tool said by the way. */
function notesOf({ hardware, canReadKernelLog }: DiagnosisFacts): string[] {
  const hasNvidia = hardware.gpus.some(({ vendor }) => vendor === "nvidia");
  const runtimes = hardware.software?.containerRuntimes ?? [];
  return [
    ...hardware.warnings,
    ...(hasNvidia && !canReadKernelLog ? ["the kernel's log may not be read here, so Xids are not seen"] : []),
    ...runtimes
      .filter((runtime) => hasNvidia && !runtime.hasNvidia)
      .map(({ name }) => `${name} is installed without NVIDIA's support, so its containers see no GPU`),
  ];
}

function factsOf({ hardware, load }: DiagnosisFacts): string[] {
  const { cpu, memory, software } = hardware;
  const driverCuda = software?.driverCudaVersion ?? null;
  const usable = cpu.usableMilli === null ? cpu.cores : cpu.usableMilli / 1000;
  return [
    `${hardware.os}, kernel ${hardware.kernel}, ${hardware.architecture}`,
    `CPU: ${cpu.model}, ${usable} of ${cpu.threads ?? cpu.cores} usable (bound by ${cpu.boundBy}), load ${load.load1.toFixed(2)}`,
    `memory: ${formatBytes(hardware.memoryBytes)} of ${formatBytes(memory?.totalBytes ?? hardware.memoryBytes)} usable, ${formatBytes(load.memoryAvailableBytes)} available`,
    ...hardware.disks.map(({ mount, fileSystem, freeBytes, sizeBytes, writeBytesPerSecond }) => {
      const rate = writeBytesPerSecond === null ? "" : `, writes ${formatBytes(writeBytesPerSecond)}/s`;
      return `disk ${mount}: ${fileSystem}, ${formatBytes(freeBytes)} free of ${formatBytes(sizeBytes)}${rate}`;
    }),
    ...hardware.networks.map(
      ({ name, addresses, speedMbit }) =>
        `network ${name}: ${addresses.join(" ")}${speedMbit === null ? "" : `, ${speedMbit} Mbit/s`}`,
    ),
    ...hardware.gpus.map((gpu) => {
      const used = load.gpus.find(({ id }) => id === gpu.id)?.memoryUsedBytes ?? null;
      const memory = `${sizeOf(gpu.memoryBytes)}${used === null ? "" : `, ${formatBytes(used)} used`}`;
      return `gpu ${gpu.index}: ${gpu.model}, ${memory}, driver ${gpu.driverVersion ?? "?"}, ${gpu.id}`;
    }),
    ...(driverCuda === null ? [] : [`CUDA: the driver runs up to ${driverCuda}`]),
    ...(software?.containerRuntimes ?? []).map(({ name, version }) => `${name} ${version ?? ""}`.trim()),
  ];
}

function sizeOf(bytes: number | null): string {
  return bytes === null ? "?" : formatBytes(bytes);
}
