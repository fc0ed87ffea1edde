import { z } from "zod";

/** What kind of place an agent runs in. */
export const PlatformKind = {
  bareMetal: "bareMetal",
  proxmoxVm: "proxmoxVm",
  proxmoxLxc: "proxmoxLxc",
  /** A virtual machine of an own hypervisor that is not known to be Proxmox. */
  vm: "vm",
  /** A machine rented in a cloud, virtual or not. */
  cloud: "cloud",
  runpod: "runpod",
  kubernetes: "kubernetes",
  wsl: "wsl",
  container: "container",
} as const;
export type PlatformKind = (typeof PlatformKind)[keyof typeof PlatformKind];

/** `null`: that depends on what the agent cannot see. */
const Known = z.boolean().nullable();

export const Platform = z
  .object({
    kind: z.enum(PlatformKind),
    /** Whose cloud, or which hypervisor or container engine. */
    provider: z.string().nullable(),
    /** What it was known by. */
    evidence: z.string(),
    canRunContainers: Known.meta({ description: "Whether an engine such as Docker could run here" }),
    survivesRestart: Known.meta({ description: "Whether the agent's state is still there after a restart" }),
    reachableByPeers: Known.meta({ description: "Whether other nodes can open connections to this one" }),
  })
  .meta({ id: "Platform" });
export type Platform = z.infer<typeof Platform>;

type Implications = Pick<Platform, "canRunContainers" | "survivesRestart" | "reachableByPeers">;

const OWN_MACHINE: Implications = { canRunContainers: true, survivesRestart: true, reachableByPeers: true };

/** What a kind of place means where nothing more is known. */
export const PLATFORM_IMPLIES: Readonly<Record<PlatformKind, Implications>> = {
  bareMetal: OWN_MACHINE,
  proxmoxVm: OWN_MACHINE,
  vm: OWN_MACHINE,
  // Its firewall decides.
  cloud: { ...OWN_MACHINE, reachableByPeers: null },
  // Needs `features: nesting=1`, which the container cannot see.
  proxmoxLxc: { ...OWN_MACHINE, canRunContainers: null },
  // An unprivileged container behind a proxy; its own disk is wiped at every stop.
  runpod: { canRunContainers: false, survivesRestart: false, reachableByPeers: false },
  kubernetes: { canRunContainers: false, survivesRestart: false, reachableByPeers: null },
  // Behind the address translation of Windows.
  wsl: { canRunContainers: true, survivesRestart: true, reachableByPeers: false },
  container: { canRunContainers: false, survivesRestart: false, reachableByPeers: null },
};

const NAMES: Readonly<Record<PlatformKind, string>> = {
  bareMetal: "bare metal",
  proxmoxVm: "Proxmox VM",
  proxmoxLxc: "Proxmox LXC",
  vm: "virtual machine",
  cloud: "cloud",
  runpod: "Runpod pod",
  kubernetes: "Kubernetes pod",
  wsl: "WSL",
  container: "container",
};

/** `virtual machine (VMware)`, `Proxmox VM`. */
export function platformName({ kind, provider }: Platform): string {
  return provider === null ? NAMES[kind] : `${NAMES[kind]} (${provider})`;
}

/** `cannot run containers; loses its state at a restart; cannot be reached by peers`. */
export function describeImplications({ canRunContainers, survivesRestart, reachableByPeers }: Platform): string {
  const say = (known: boolean | null, yes: string, no: string, perhaps: string) =>
    known === null ? perhaps : known ? yes : no;
  return [
    say(canRunContainers, "can run containers", "cannot run containers", "may be able to run containers"),
    say(survivesRestart, "keeps its state over a restart", "loses its state at a restart", "may lose its state"),
    say(reachableByPeers, "can be reached by peers", "cannot be reached by peers", "peers may reach it"),
  ].join("; ");
}
