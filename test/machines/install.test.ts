import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { arch, tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeRelease } from "../../deploy/release/make-release.ts";
import { tarOf } from "../../deploy/release/tar.ts";
import { TARGETS } from "../../deploy/release/target.ts";
import { CHECKOUT, LocalFleet } from "../support/local-fleet.ts";
import { waitFor } from "../support/wait-for.ts";
import { debianTree, missingForMachines } from "./debian-tree.ts";
import { Machine } from "./machine.ts";

const missing = missingForMachines();
if (missing.length > 0)
  process.stdout.write(`install.test.ts boots no machine: there is no ${missing.join(", no ")}\n`);
const NEXT = "0.1.1-test";
const BROKEN = "0.1.2-broken";
const target = TARGETS.filter((name) => name === `linux-${arch()}`);

/** Systemd's own, and what the account tools keep of before. */
const NOT_OURS =
  /^\/(run|tmp|var\/(log|tmp|lib\/systemd|cache|lib\/private))(\/|$)|^\/etc\/(\.pwd\.lock|machine-id|.*-)$/;

const artifacts = mkdtempSync(join(tmpdir(), "drover-artifacts-"));
let fleet: LocalFleet;
let machine: Machine;
/** The files of the machine before anything was installed. */
let before: [string, string][];

beforeAll(async () => {
  if (missing.length > 0) return;
  debianTree();
  const made = await makeRelease(artifacts, { version: "0.1.0", targets: target, compression: 0 });
  expect(made.missing).toEqual([]);
  await makeRelease(artifacts, { version: NEXT, targets: target, compression: 0 });
  addBrokenVersion();
  fleet = await LocalFleet.startWithoutAgent(["--artifacts", artifacts, "--heartbeat", "1s", "--lease", "60s"]);
}, 300_000);
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
  rmSync(artifacts, { recursive: true, force: true });
});

/** One that starts, as far as it is asked for its version, and never comes online. */
function addBrokenVersion(): void {
  const name = `drover-${BROKEN}-${target[0]}`;
  const tree = join(artifacts, name);
  mkdirSync(tree);
  const script = `#!/bin/sh\n[ "$1" = --version ] && echo ${BROKEN} && exit 0\nexit 1\n`;
  writeFileSync(join(tree, "drover-agent"), script, { mode: 0o755 });
  const archive = gzipSync(tarOf(tree, name));
  writeFileSync(join(artifacts, `${name}.tar.gz`), archive);
  const sha256 = createHash("sha256").update(archive).digest("hex");
  appendFileSync(join(artifacts, "SHA256SUMS"), `${sha256}  ${name}.tar.gz\n`);
}

/** The real command, as an operator types it. */
function drover(...words: string[]): { status: number | null; output: string } {
  const environment = { ...process.env, DROVER_COORDINATOR: fleet.url, DROVER_TOKEN: fleet.token.read() ?? "" };
  const program = join(CHECKOUT, "packages/cli/bin/drover.mjs");
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...words], {
    encoding: "utf8",
    env: environment,
  });
  return { status, output: `${stdout}${stderr}` };
}

function ownFiles(): [string, string][] {
  return [...machine.writtenFiles()].filter(([path]) => !NOT_OURS.test(path));
}
function install(words = "", user = "root"): ReturnType<Machine["run"]> {
  return machine.run(`wget -qO- ${fleet.url}/install.sh | sh -s -- ${words}`, user);
}

describe.skipIf(missing.length > 0)("a machine with systemd", () => {
  beforeAll(async () => {
    machine = await Machine.boot("box", debianTree());
    before = ownFiles();
  });
  afterAll(() => machine?.[Symbol.asyncDispose]());

  function show(property: string): string {
    return machine.run(`systemctl show --value --property=${property} drover-agent`).output.trim();
  }
  async function attemptOf(jobId: number) {
    return (await fleet.client.getJob(jobId)).tasks[0]?.attempts.at(-1);
  }
  async function untilRunning(jobId: number): Promise<void> {
    await waitFor("the job to run", async () => (await attemptOf(jobId))?.state === "running");
  }

  test("says what it would do, and does nothing", () => {
    const { exitCode, output } = install("--dry-run");
    expect(output).toContain("drover: nothing was changed\n");
    expect(exitCode).toBe(0);
    expect(ownFiles()).toEqual(before);
  });

  test("does nothing of a download that was cut off, wherever", () => {
    const script = machine.run(`wget -qO- ${fleet.url}/install.sh | wc -c`);
    const bytes = Number(script.output);
    for (const part of [0.3, 0.6, 0.9, 0.9999]) {
      machine.run(`wget -qO- ${fleet.url}/install.sh | head -c ${Math.floor(bytes * part)} | sh`);
      expect(ownFiles()).toEqual(before);
    }
  });

  test("says by how much the clock is off, although certificates fail by it", () => {
    const slow = '[ "$*" = +%s ] && exec /bin/date -d "1 hour ago" +%s; exec /bin/date "$@"';
    machine.run(`printf '%s\\n' '#!/bin/sh' '${slow}' >/usr/local/bin/date; chmod 755 /usr/local/bin/date`);
    const { exitCode, output } = install("--dry-run");
    machine.run("rm /usr/local/bin/date");
    expect(output).toMatch(/problem: the clock is off by -3[56]\d\d s/);
    expect(exitCode).toBe(1);
  });

  test("is a node half a minute after one line", async () => {
    const { exitCode, output } = install("--name gpu-01 --site lab");
    expect(output).toContain(`node gpu-01 is online at ${fleet.url}\n`);
    expect(exitCode).toBe(0);
    expect(await fleet.client.getNode("gpu-01")).toMatchObject({ link: "online", site: "lab", agentVersion: "0.1.0" });
  });

  test("runs the agent as a service that says how it is", async () => {
    expect(machine.run("systemctl is-enabled drover-agent").output).toBe("enabled\n");
    await waitFor("the status", () => show("StatusText") === `node gpu-01 is online at ${fleet.url}`);
    expect(show("WatchdogUSec")).toBe("2min");
    expect(machine.run("systemd-analyze security drover-agent | tail -n 1").output).toMatch(/: [0-4]\.\d OK/);
  });

  test("runs jobs as drover-job, who may do nothing to the agent", async () => {
    const script = 'id -un; echo $HOME; touch "$HOME/mine" && touch mine; cat /etc/drover/agent.env; kill 1';
    const { id } = await fleet.client.submitJob({ script });
    await fleet.untilEnded(id);
    const output = (await fleet.outputOf(id)).toString();
    expect(output).toMatch(/^drover-job\n\/var\/lib\/drover-agent\/attempts\/[^/]+\/home\n/);
    expect(output).toMatch(/agent\.env: Permission denied\n.*Operation not permitted\n/s);
  });

  test("lets the driver's helper make devices, which no job may", () => {
    const helper = "/usr/bin/nvidia-modprobe";
    const boundsOf = (pid: string) => `sed -n 's/^CapBnd:.//p' /proc/${pid}/status`;
    machine.run(
      `printf '#!/bin/sh\n${boundsOf("self").replaceAll("'", `'"'"'`)} >/run/bounds' >${helper}; chmod 755 ${helper}`,
    );
    expect(machine.run("systemctl restart drover-agent").exitCode).toBe(0);
    expect(machine.run("cat /run/bounds").output).toBe(machine.run(boundsOf("1")).output);
    expect(machine.run(boundsOf("$(systemctl show --value --property=MainPID drover-agent)")).output).not.toBe(
      machine.run("cat /run/bounds").output,
    );
    machine.run(`rm ${helper}`);
  });

  test("says where it is", async () => {
    const { hardware } = await fleet.client.getNode("gpu-01");
    expect(hardware.platform).toMatchObject({ kind: "container", provider: "systemd-nspawn" });
  });

  test("a second run repairs, and keeps what was said before", () => {
    machine.run("rm /usr/local/bin/drover-agent /opt/drover/current");
    // With a data directory that somebody has moved by hand.
    const move =
      "mv /var/lib/drover-agent /var/lib/nodes && sed -i s,/var/lib/drover-agent,/var/lib/nodes, /etc/drover/agent.env";
    machine.run(`systemctl stop drover-agent; ${move}`);
    const { exitCode, output } = install();
    expect(machine.run("cat /etc/drover/agent.env").output).toContain("DROVER_AGENT_DATA_DIR='/var/lib/nodes'\n");
    expect(output).toContain("drover 0.1.0 is here already\n");
    expect(output).toContain("node gpu-01 is online");
    expect(exitCode).toBe(0);
  });

  test("reloads no units while containers run on a machine with GPUs, whatever runs them", () => {
    machine.run("touch /dev/nvidiactl; systemd-run --unit=libpod-0123456789ab sleep infinity");
    machine.run("echo '# ours' >> /etc/systemd/system/drover-agent.service");
    const { output } = install();
    machine.run("rm /dev/nvidiactl; systemctl stop libpod-0123456789ab");
    expect(output).toContain("could take the GPUs from these containers: libpod-0123456789ab");
    machine.run("systemctl daemon-reload");
  });

  test("a job outlives a restart of the agent, and its crash", async () => {
    const { id } = await fleet.client.submitJob({ command: ["sleep", "infinity"] });
    await untilRunning(id);
    const pid = machine.run("pgrep sleep || pidof sleep").output;
    expect(machine.run("systemctl restart drover-agent").exitCode).toBe(0);
    machine.run("systemctl kill --kill-who=main --signal=KILL drover-agent");
    await waitFor("systemd to start it again", () => show("NRestarts") === "1" && show("ActiveState") === "active");
    await waitFor("the node", async () => (await fleet.client.getNode("gpu-01")).link === "online");
    expect(machine.run("pgrep sleep || pidof sleep").output).toBe(pid);
    expect(await attemptOf(id)).toMatchObject({ number: 1, state: "running" });
    await fleet.client.cancelJob(id);
    await fleet.untilEnded(id);
  });

  test("becomes another version under a job that notices nothing", async () => {
    const { id } = await fleet.client.submitJob({ command: ["sleep", "infinity"] });
    await untilRunning(id);
    const pid = machine.run("pidof sleep").output;
    expect(drover("upgrade", "--to", NEXT)).toEqual({
      status: 0,
      output: expect.stringContaining(`1 upgraded to ${NEXT}, 0 were already, 0 failed, 0 left as they are`),
    });
    expect((await fleet.client.getNode("gpu-01")).agentVersion).toBe(NEXT);
    expect(machine.run("readlink /opt/drover/current").output).toBe(`versions/${NEXT}\n`);
    expect(machine.run("pidof sleep").output).toBe(pid);
    expect(await attemptOf(id)).toMatchObject({ number: 1, state: "running" });
    await fleet.client.cancelJob(id);
    await fleet.untilEnded(id);
  });

  test("goes back by itself from a version that does not come online", async () => {
    machine.run("echo DROVER_UPGRADE_PATIENCE=3s >> /etc/drover/agent.env && systemctl restart drover-agent");
    await waitFor("the node", async () => (await fleet.client.getNode("gpu-01")).link === "online");
    const { status, output } = drover("upgrade", "--to", BROKEN, "gpu-01");
    expect(output).toContain(`gpu-01: did not come online with ${BROKEN}, and is ${NEXT} again`);
    expect(status).toBe(1);
    expect(machine.run("readlink /opt/drover/current").output).toBe(`versions/${NEXT}\n`);
    expect(machine.run("journalctl --unit=drover-agent --grep=upgradeTakenBack --output=cat").output).toContain(
      `"reason":"after 3 s no agent of version ${BROKEN} runs"`,
    );
  });

  test("comes back after a power cut, and what ran there is run again", async () => {
    const { id } = await fleet.client.submitJob({ command: ["sleep", "infinity"] });
    await untilRunning(id);
    await machine.cutPower();
    await machine.start();
    await waitFor("the second attempt", async () => {
      const attempt = await attemptOf(id);
      return attempt?.number === 2 && attempt.state === "running";
    });
    const [task] = (await fleet.client.getJob(id)).tasks;
    expect(task?.attempts[0]?.outcome).toMatchObject({ type: "nodeLost" });
    // It still runs when the next test begins.
  });

  test("is not uninstalled under a running job", () => {
    const { exitCode, output } = machine.run("sh /opt/drover/current/install.sh --uninstall");
    expect(output).toContain("1 jobs run here; drain the node first");
    expect(exitCode).toBe(1);
    expect(show("ActiveState")).toBe("active");
  });

  test("has nothing left of it once it is uninstalled", () => {
    const { exitCode, output } = machine.run("sh /opt/drover/current/install.sh --uninstall --stop-jobs");
    expect(output).toContain("drover is removed");
    expect(exitCode).toBe(0);
    expect(ownFiles()).toEqual(before);
    expect(machine.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c [d]rover-").output).toBe("0\n");
    expect(machine.run("find /sys/fs/cgroup -name 'drover*'").output).toBe("");
  });
});

describe.skipIf(missing.length > 0)("a container without a service manager", () => {
  beforeAll(async () => {
    machine = await Machine.boot("pod", debianTree(), "sleep");
    machine.run("useradd --create-home anna && mkdir /workspace");
    before = ownFiles();
  });
  afterAll(() => machine?.[Symbol.asyncDispose]());

  /** Of the agent, as it says itself. */
  function agentPid(state: string): number {
    const { output } = machine.run(`sed -n 's/.*"pid":\\([0-9]*\\).*/\\1/p' ${state}/status.json`);
    return Number(output);
  }
  function programs(): string {
    return machine.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c '[d]rover-\\|[s]upervise'").output.trim();
  }

  test("is a node after one line, and stays one when the agent is killed", async () => {
    const { exitCode, output } = install("--name pod-1");
    expect(output).toContain(`node pod-1 is online at ${fleet.url}\n`);
    expect(exitCode).toBe(0);
    const pid = agentPid("/var/lib/drover-agent");
    machine.run(`kill -9 ${pid}`);
    await waitFor("another agent", () => ![pid, 0].includes(agentPid("/var/lib/drover-agent")));
    expect(machine.run("drover-agent status --wait 30s").output).toBe(`node pod-1 is online at ${fleet.url}\n`);
  });

  test("has nothing left of it once it is uninstalled", () => {
    expect(machine.run("sh /opt/drover/current/install.sh --uninstall").output).toContain("drover is removed");
    expect(ownFiles()).toEqual(before);
    expect(programs()).toBe("0");
  });

  test("the loop is a container's start command, with its state on the volume", async () => {
    machine.run("mount -t tmpfs tmpfs /workspace");
    const words = "--name pod-2 --foreground";
    const command = `export RUNPOD_POD_ID=abc123; wget -qO- ${fleet.url}/install.sh | sh -s -- ${words}`;
    const start = machine.begin(command);
    await waitFor("the node", async () => (await fleet.client.getNode("pod-2")).link === "online");
    expect(machine.run("ls /workspace/.drover/abc123").output).toContain("node.json\n");
    const pid = agentPid("/workspace/.drover/abc123");
    const again = machine.run(`export RUNPOD_POD_ID=abc123; wget -qO- ${fleet.url}/install.sh | sh`);
    expect(again.output).toContain("node pod-2 is online");
    await waitFor("another agent", () => ![pid, 0].includes(agentPid("/workspace/.drover/abc123")));
    expect(start.exitCode).toBeNull();
    machine.run("kill $(cat /workspace/.drover/abc123/loop.pid)");
    await waitFor("its end", () => start.exitCode !== null);
    expect(programs()).toBe("0");
    machine.run("sh /opt/drover/current/install.sh --uninstall && umount /workspace");
    expect(ownFiles()).toEqual(before);
  });

  test("keeps nothing on a volume where others could exchange it", () => {
    machine.run("mount -t tmpfs -o mode=777 tmpfs /workspace");
    const { output } = install("--dry-run");
    expect(output).toContain("warning: others may change /workspace, so the state is not kept on the volume");
    expect(output).toContain("keep the agent's state in /var/lib/drover-agent\n");
    machine.run("mkdir -p /workspace/.drover && chown anna /workspace/.drover && chmod 1777 /workspace");
    expect(install("--dry-run").output).toContain("warning: others may change /workspace/.drover,");
    machine.run("umount /workspace");
  });

  test("somebody without root installs it for themselves", () => {
    const { exitCode, output } = install("--name annas", "anna");
    expect(output).toContain(`node annas is online at ${fleet.url}\n`);
    expect(exitCode).toBe(0);
    const removed = machine.run("sh ~/.local/share/drover/current/install.sh --uninstall", "anna");
    expect(removed.output).toContain("drover is removed");
    expect(ownFiles()).toEqual(before);
    expect(programs()).toBe("0");
  });
});
