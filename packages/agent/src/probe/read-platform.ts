import { PLATFORM_IMPLIES, type Platform, type PlatformKind } from "@drover/shared/domain/platform.ts";
import type { MachineFiles } from "./machine-files.ts";

export interface PlatformSource {
  files: MachineFiles;
  environment: Readonly<Record<string, string | undefined>>;
  /** Where the agent keeps its state; `null`: not known. */
  dataDir: string | null;
}

type Found = Pick<Platform, "kind" | "provider" | "evidence"> | null;

/** Where this machine is, by what its files and environment say; the most particular that fits. */
export function readPlatform(source: PlatformSource): Platform {
  const found = rented(source) ?? windows(source) ?? contained(source) ?? firmware(source) ?? hypervised(source);
  const platform = found ?? { kind: "bareMetal" as const, provider: null, evidence: "nothing says otherwise" };
  return { ...platform, ...PLATFORM_IMPLIES[platform.kind], ...volumeOf(platform.kind, source) };
}

/** A pod's own disk goes with it, a volume stays. */
function volumeOf(kind: PlatformKind, { dataDir }: PlatformSource): Partial<Platform> {
  return kind === "runpod" && dataDir?.startsWith("/workspace/") ? { survivesRestart: true } : {};
}

/** What the first process was given: a shell by ssh has only a part of it. */
function variable(name: string, { environment, files }: PlatformSource): string | null {
  const first = files.read("/proc/1/environ")?.split("\0") ?? [];
  const prefix = `${name}=`;
  return environment[name] ?? first.find((entry) => entry.startsWith(prefix))?.slice(prefix.length) ?? null;
}

function rented(source: PlatformSource): Found {
  if (variable("RUNPOD_POD_ID", source) !== null)
    return { kind: "runpod", provider: variable("RUNPOD_DC_ID", source), evidence: "RUNPOD_POD_ID is set" };
  if (variable("KUBERNETES_SERVICE_HOST", source) !== null)
    return { kind: "kubernetes", provider: null, evidence: "KUBERNETES_SERVICE_HOST is set" };
  return null;
}

/** Its kernel is Microsoft's own build: `5.15.167.4-microsoft-standard-WSL2`. */
function windows({ files }: PlatformSource): Found {
  const release = kernelRelease(files);
  return /microsoft/i.test(release) ? { kind: "wsl", provider: null, evidence: `kernel ${release}` } : null;
}

function kernelRelease(files: MachineFiles): string {
  return files.read("/proc/sys/kernel/osrelease")?.trim() ?? "";
}

/** https://systemd.io/CONTAINER_INTERFACE, and what engines leave that do not keep to it. */
function contained(source: PlatformSource): Found {
  const { files } = source;
  const said = files.read("/run/systemd/container")?.trim() || variable("container", source);
  const engine =
    said ??
    (files.read("/.dockerenv") === null ? null : "docker") ??
    (files.read("/run/.containerenv") === null ? null : "podman") ??
    (files.list("/dev/.lxc").length > 0 ? "lxc" : null);
  if (engine === null) return null;
  const release = kernelRelease(files);
  // Proxmox builds its own kernels: `6.8.12-4-pve`.
  if (engine === "lxc" && release.endsWith("-pve"))
    return { kind: "proxmoxLxc", provider: null, evidence: `lxc on kernel ${release}` };
  return { kind: "container", provider: engine, evidence: `a container of ${engine}` };
}

/** What firmware says of clouds: [file, what it begins with, whose it is]. */
const CLOUDS: readonly (readonly [string, RegExp, string])[] = [
  ["sys_vendor", /^Amazon EC2/, "AWS"],
  ["product_name", /^Google Compute Engine/, "Google Cloud"],
  // The tag that Microsoft gives to all of Azure, and to nothing else of Hyper-V.
  ["chassis_asset_tag", /^7783-7084-3265-9085-8269-3286-77/, "Azure"],
  ["chassis_asset_tag", /^OracleCloud\.com/, "Oracle Cloud"],
  ["sys_vendor", /^Alibaba Cloud/, "Alibaba Cloud"],
  ["sys_vendor", /^Tencent Cloud/, "Tencent Cloud"],
  ["sys_vendor", /^DigitalOcean/, "DigitalOcean"],
  ["sys_vendor", /^Hetzner/, "Hetzner"],
  ["sys_vendor", /^Vultr/, "Vultr"],
  ["sys_vendor", /^(Akamai|Linode)/, "Akamai"],
  ["sys_vendor", /^Scaleway/, "Scaleway"],
  ["sys_vendor", /^OpenStack/, "OpenStack"],
  ["product_name", /^OpenStack/, "OpenStack"],
];

const HYPERVISORS: readonly (readonly [string, RegExp, string])[] = [
  ["sys_vendor", /^VMware/, "VMware"],
  ["sys_vendor", /^innotek GmbH/, "VirtualBox"],
  ["sys_vendor", /^Xen/, "Xen"],
  ["product_name", /^Virtual Machine$/, "Hyper-V"],
];

function firmware({ files }: PlatformSource): Found {
  const dmi = (name: string) => files.read(`/sys/class/dmi/id/${name}`)?.trim() ?? "";
  const match = (table: typeof CLOUDS, kind: PlatformKind): Found => {
    for (const [file, begin, provider] of table)
      if (begin.test(dmi(file))) return { kind, provider, evidence: `${file}: ${dmi(file)}` };
    return null;
  };
  return match(CLOUDS, "cloud") ?? proxmox(files, dmi) ?? match(HYPERVISORS, "vm");
}

/** Only its own UEFI says so; with SeaBIOS it shows in the addresses that it gives to network cards (since 8). */
function proxmox(files: MachineFiles, dmi: (name: string) => string): Found {
  const bios = dmi("bios_vendor");
  if (bios.startsWith("Proxmox")) return { kind: "proxmoxVm", provider: null, evidence: `bios_vendor: ${bios}` };
  if (dmi("sys_vendor") !== "QEMU") return null;
  const version = dmi("product_version");
  if (version.includes("+pve")) return { kind: "proxmoxVm", provider: null, evidence: `product_version: ${version}` };
  for (const name of files.list("/sys/class/net")) {
    const address = files.read(`/sys/class/net/${name}/address`)?.trim() ?? "";
    if (/^bc:24:11:/i.test(address)) return { kind: "proxmoxVm", provider: null, evidence: `${name}: ${address}` };
  }
  return { kind: "vm", provider: "QEMU", evidence: "sys_vendor: QEMU" };
}

/** Of any kind: its processors say so. */
function hypervised({ files }: PlatformSource): Found {
  const isHypervised = /^flags\s*:.*\bhypervisor\b/m.test(files.read("/proc/cpuinfo") ?? "");
  return isHypervised ? { kind: "vm", provider: null, evidence: "its processors have the flag hypervisor" } : null;
}
