import { mkdtempSync, rmSync } from "node:fs";
import { arch, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeRelease } from "../../deploy/release/make-release.ts";
import { TARGETS } from "../../deploy/release/target.ts";
import { LocalFleet } from "../support/local-fleet.ts";
import { waitFor } from "../support/wait-for.ts";
import { debianTree, missingForMachines } from "./debian-tree.ts";
import { Machine } from "./machine.ts";

const missing = missingForMachines();
if (missing.length > 0)
  process.stdout.write(`install.test.ts boots no machine: there is no ${missing.join(", no ")}\n`);
const target = TARGETS.filter((name) => name === `linux-${arch()}`);

/** Systemd's own, and what the account tools keep of before. */
const NOT_OURS =
  /^\/(run|tmp|var\/(log|tmp|lib\/systemd|cache|lib\/private))(\/|$)|^\/etc\/(\.pwd\.lock|machine-id|.*-)$/;

describe.skipIf(missing.length > 0)("a machine with systemd", () => {
  const artifacts = mkdtempSync(join(tmpdir(), "drover-artifacts-"));
  let fleet: LocalFleet;
  let machine: Machine;
  let before: [string, string][];

  beforeAll(async () => {
    const made = await makeRelease(artifacts, { version: "0.1.0", targets: target, compression: 1 });
    expect(made.missing).toEqual([]);
    fleet = await LocalFleet.startWithoutAgent(["--artifacts", artifacts, "--heartbeat", "1s", "--lease", "60s"]);
    machine = await Machine.boot("box", debianTree());
    before = ownFiles();
  }, 300_000);
  afterAll(async () => {
    await machine?.[Symbol.asyncDispose]();
    await fleet?.[Symbol.asyncDispose]();
    rmSync(artifacts, { recursive: true, force: true });
  });

  function ownFiles(): [string, string][] {
    return [...machine.writtenFiles()].filter(([path]) => !NOT_OURS.test(path));
  }
  function install(words = ""): ReturnType<Machine["run"]> {
    return machine.run(`wget -qO- ${fleet.url}/install.sh | sh -s -- ${words}`);
  }
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

  test("a second run repairs, and keeps what was said before", () => {
    machine.run("rm /usr/local/bin/drover-agent /opt/drover/current");
    const { exitCode, output } = install();
    expect(output).toContain("drover 0.1.0 is here already\n");
    expect(output).toContain("node gpu-01 is online");
    expect(exitCode).toBe(0);
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
