import { describeImplications, platformName } from "@drover/shared/domain/platform.ts";
import { describe, expect, test } from "vitest";
import { someFiles } from "../testing/some-files.ts";
import { readPlatform } from "./read-platform.ts";

function platform(files: Record<string, string>, environment: Record<string, string> = {}, dataDir = "/var/lib/x") {
  return readPlatform({ files: someFiles(files), environment, dataDir });
}

function dmi(fields: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).map(([name, text]) => [`/sys/class/dmi/id/${name}`, `${text}\n`]));
}

const Q35 = { sys_vendor: "QEMU", product_name: "Standard PC (Q35 + ICH9, 2009)", product_version: "pc-q35-10.1" };
const HYPERVISED = { "/proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu vme hypervisor lahf_lm\n" };
const PVE = { "/proc/sys/kernel/osrelease": "6.8.12-4-pve\n" };

describe("where a machine is", () => {
  test.each([
    ["bare metal", dmi({ sys_vendor: "Supermicro", product_name: "SYS-420GP-TNR", bios_vendor: "AMI" }), {}],
    ["bare metal", {}, {}],
    // A workstation whose kernel was built by Proxmox is the hypervisor itself.
    ["bare metal", { ...PVE, ...dmi({ sys_vendor: "Dell Inc." }) }, {}],
    ["Proxmox VM", { ...HYPERVISED, ...dmi({ ...Q35, bios_vendor: "Proxmox distribution of EDK II" }) }, {}],
    ["Proxmox VM", dmi({ ...Q35, bios_vendor: "SeaBIOS", product_version: "pc-i440fx-8.0+pve0" }), {}],
    ["Proxmox VM", { ...dmi(Q35), "/sys/class/net/ens18/address": "bc:24:11:2e:c5:4a\n" }, {}],
    ["virtual machine (QEMU)", { ...dmi(Q35), "/sys/class/net/ens3/address": "52:54:00:12:34:56\n" }, {}],
    ["virtual machine (VMware)", dmi({ sys_vendor: "VMware, Inc." }), {}],
    ["virtual machine (Hyper-V)", dmi({ sys_vendor: "Microsoft Corporation", product_name: "Virtual Machine" }), {}],
    ["virtual machine", HYPERVISED, {}],
    ["cloud (AWS)", dmi({ sys_vendor: "Amazon EC2", product_name: "p5.48xlarge" }), {}],
    ["cloud (Google Cloud)", dmi({ sys_vendor: "Google", product_name: "Google Compute Engine" }), {}],
    [
      "cloud (Azure)",
      dmi({
        sys_vendor: "Microsoft Corporation",
        product_name: "Virtual Machine",
        chassis_asset_tag: "7783-7084-3265-9085-8269-3286-77",
      }),
      {},
    ],
    ["cloud (Hetzner)", dmi({ sys_vendor: "Hetzner", product_name: "vServer" }), {}],
    ["Proxmox LXC", { ...PVE, "/proc/1/environ": "PATH=/bin\0container=lxc\0" }, {}],
    ["container (lxc)", { "/proc/sys/kernel/osrelease": "6.1.0-30-amd64\n", "/run/systemd/container": "lxc\n" }, {}],
    ["container (docker)", { "/.dockerenv": "" }, {}],
    ["container (podman)", { "/run/.containerenv": 'engine="podman-4.3.1"\n' }, {}],
    // The cloud below a container is not where the agent is.
    ["container (docker)", { "/.dockerenv": "", ...dmi({ sys_vendor: "Amazon EC2" }) }, {}],
    ["Kubernetes pod", { "/.dockerenv": "" }, { KUBERNETES_SERVICE_HOST: "10.96.0.1" }],
    ["Runpod pod (EU-RO-1)", { "/.dockerenv": "" }, { RUNPOD_POD_ID: "abc123", RUNPOD_DC_ID: "EU-RO-1" }],
    // A shell by ssh does not have the pod's variables.
    ["Runpod pod", { "/proc/1/environ": "RUNPOD_POD_ID=abc123\0PATH=/bin\0" }, {}],
    ["WSL", { "/proc/sys/kernel/osrelease": "5.15.167.4-microsoft-standard-WSL2\n", ...HYPERVISED }, {}],
  ])("%s", (name, files, environment) => {
    expect(platformName(platform(files, environment as Record<string, string>))).toBe(name);
  });

  test("says what it is known by", () => {
    expect(platform(dmi({ ...Q35, bios_vendor: "Proxmox distribution of EDK II" })).evidence).toBe(
      "bios_vendor: Proxmox distribution of EDK II",
    );
  });
});

describe("what it implies", () => {
  test("a machine of one's own can do everything", () => {
    expect(describeImplications(platform({}))).toBe(
      "can run containers; keeps its state over a restart; can be reached by peers",
    );
  });

  test("a pod keeps its state only on a volume", () => {
    const pod = { RUNPOD_POD_ID: "abc123" };
    expect(describeImplications(platform({}, pod))).toBe(
      "cannot run containers; loses its state at a restart; cannot be reached by peers",
    );
    expect(platform({}, pod, "/workspace/.drover/abc123").survivesRestart).toBe(true);
    expect(platform({}, {}, "/workspace/.drover/abc123").kind).toBe("bareMetal");
  });

  test("what the agent cannot see is not claimed", () => {
    expect(describeImplications(platform({ ...PVE, "/run/systemd/container": "lxc" }))).toBe(
      "may be able to run containers; keeps its state over a restart; can be reached by peers",
    );
  });
});
