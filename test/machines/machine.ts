import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { startProgram, stop } from "../support/processes.ts";
import { waitFor } from "../support/wait-for.ts";

const CGROUPS = "/sys/fs/cgroup";
/** Those of version 1 that a machine gets for itself; systemd needs the last. */
const CONTROLLERS = ["cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "systemd", "unified"];

/** The first process: gives systemd the controllers, which nspawn shows read-only. */
const INIT = `#!/bin/sh
for controller in cpu cpuacct memory pids; do mount -o remount,rw,bind /sys/fs/cgroup/$controller 2>/dev/null; done
exec /lib/systemd/systemd "$@"
`;

export interface Ran {
  exitCode: number;
  /** Both streams. */
  output: string;
}

/**
 * A Linux machine of its own as far as a container can be one: an own disk over a shared tree, own processes, own
 * cgroups, and systemd, or nothing at all, as its first process. The network is ours, so that loopback reaches both
 * ways. Mounts live in a namespace of their own: whatever happens to a test, they go with its processes.
 */
export class Machine {
  readonly name: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "drover-machine-"));
  readonly #tree: string;
  readonly #first: "systemd" | "sleep";
  #nspawn: ChildProcess | null = null;
  #leader = 0;

  private constructor(name: string, tree: string, first: "systemd" | "sleep") {
    this.name = name;
    this.#tree = tree;
    this.#first = first;
  }

  /** `sleep`: a container without a service manager. */
  static async boot(name: string, tree: string, first: "systemd" | "sleep" = "systemd"): Promise<Machine> {
    const machine = new Machine(name, tree, first);
    mkdirSync(join(machine.#written, "etc"), { recursive: true });
    mkdirSync(join(machine.#written, "sbin-init"));
    mkdirSync(join(machine.#folder, "work"));
    mkdirSync(join(machine.#folder, "root"));
    writeFileSync(join(machine.#written, "sbin-init/init"), INIT, { mode: 0o755 });
    writeFileSync(join(machine.#written, "etc/hostname"), `${name}\n`);
    writeFileSync(join(machine.#written, "etc/machine-id"), "");
    await machine.start();
    return machine;
  }

  get #written(): string {
    return join(this.#folder, "written");
  }

  /** Each controller's directory for this machine alone; none where cgroups are of version 2, which nspawn sees to. */
  get #cgroups(): string[] {
    const name = `drover-machine-${process.pid}-${basename(this.#folder)}`;
    return CONTROLLERS.map((controller) => join(CGROUPS, controller))
      .filter((folder) => existsSync(folder))
      .map((folder) => join(folder, name));
  }

  /** Again, after `cutPower`: with the same disk. */
  async start(): Promise<void> {
    const root = join(this.#folder, "root");
    for (const cgroup of this.#cgroups) {
      mkdirSync(cgroup, { recursive: true });
      if (basename(join(cgroup, "..")) === "cpuset")
        for (const file of ["cpuset.cpus", "cpuset.mems"])
          writeFileSync(join(cgroup, file), readFileSync(join(CGROUPS, "cpuset", file)));
    }
    const overlay = `lowerdir=${this.#tree},upperdir=${this.#written},workdir=${join(this.#folder, "work")}`;
    const enter = this.#cgroups.map((cgroup) => `echo $$ > ${cgroup}/cgroup.procs`);
    const first = this.#first === "systemd" ? ["/sbin-init/init"] : ["/bin/sleep", "infinity"];
    const nspawn = `exec systemd-nspawn --quiet --directory=${root} --machine=${this.name} --hostname=${this.name} --register=no --keep-unit --console=pipe --link-journal=no --resolv-conf=off --timezone=off ${first.join(" ")}`;
    const script = ["set -e", ...enter, `mount -t overlay overlay -o ${overlay} ${root}`, nspawn].join("\n");
    this.#nspawn = startProgram("unshare", ["--mount", "--propagation", "private", "sh", "-c", script]);
    this.#nspawn.stdout?.resume();
    const nspawnPid = this.#nspawn.pid ?? 0;
    await waitFor("the machine's first process", () => {
      const children = readFileSync(`/proc/${nspawnPid}/task/${nspawnPid}/children`, "utf8").trim().split(" ");
      this.#leader = Number(children[0]);
      // Before that it is still nspawn, or our own script.
      return readFileSync(`/proc/${this.#leader}/comm`, "utf8").trim() === this.#first;
    });
    if (this.#first === "systemd")
      await waitFor("the machine to be up", () =>
        /^(running|degraded)/.test(this.run("systemctl is-system-running").output),
      );
  }

  /** In a shell of the machine, as root unless another user is named. */
  run(command: string, user = "root"): Ran {
    const words = ["-t", String(this.#leader), "-a", "setpriv", `--reuid=${user}`, `--regid=${user}`, "--init-groups"];
    const shell = ["env", "-i", ...ENVIRONMENT, user === "root" ? "HOME=/root" : `HOME=/home/${user}`, "sh", "-c"];
    const { status, stdout, stderr } = spawnSync("nsenter", [...words, ...shell, command], { encoding: "utf8" });
    return { exitCode: status ?? -1, output: `${stdout}${stderr}` };
  }

  /** Does not wait for its end. */
  begin(command: string): ChildProcess {
    const words = ["-t", String(this.#leader), "-a", "env", "-i", ...ENVIRONMENT, "sh", "-c", command];
    return spawn("nsenter", words, { stdio: ["ignore", "ignore", "inherit"] });
  }

  /** Everything ends at once; only what is on the disk is there when it is started again. */
  async cutPower(): Promise<void> {
    if (this.#nspawn === null) return;
    const ended = stop(this.#nspawn, "SIGKILL");
    process.kill(this.#leader, "SIGKILL");
    await ended;
    this.#nspawn = null;
  }

  /** Every file that is other than in the tree, by its path, with its mode and content; what is gone says so. */
  writtenFiles(): Map<string, string> {
    const files = new Map<string, string>();
    const visit = (folder: string): void => {
      const entries = readdirSync(join(this.#written, folder), { withFileTypes: true });
      for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
        const path = `${folder}/${entry.name}`;
        const { mode, uid } = lstatSync(join(this.#written, path));
        const owner = `${(mode & 0o7777).toString(8)} of ${uid}`;
        if (entry.isDirectory()) {
          // A folder that is there in the tree as well says nothing.
          if (!existsSync(join(this.#tree, path))) files.set(path, `folder ${owner}`);
          visit(path);
        } else if (entry.isFile()) {
          const content = readFileSync(join(this.#written, path), "latin1");
          // Written again as it was.
          if (isFile(join(this.#tree, path)) && readFileSync(join(this.#tree, path), "latin1") === content) continue;
          files.set(path, `${owner}: ${content}`);
        } else files.set(path, entry.isCharacterDevice() ? "gone" : `special ${owner}`);
      }
    };
    visit("");
    return files;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cutPower();
    // Its processes are killed, and for a moment not gone yet.
    for (const cgroup of this.#cgroups) await waitFor("its processes to be gone", () => removeCgroup(cgroup));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const ENVIRONMENT = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"];

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function removeCgroup(folder: string): boolean {
  if (!existsSync(folder)) return true;
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeCgroup(join(folder, entry.name));
  rmdirSync(folder);
  return true;
}
