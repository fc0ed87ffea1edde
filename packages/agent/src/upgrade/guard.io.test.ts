import { chmodSync, existsSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { writeLinkStatus, type LinkStatus } from "../link-status.ts";
import { machineClock } from "../machine/machine-clock.ts";
import { guardUpgrade, takeOutcome } from "./guard.ts";
import { switchTo } from "./install-version.ts";

/** Versions 0.1.0 and 0.2.0, of which the second is current; a program that waits in the place of its agent. */
function anInstallation(): { prefix: string; dataDir: string; program: string } {
  const folder = mkdtempSync(join(tmpdir(), "drover-upgrade-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [prefix, dataDir] = [join(folder, "opt"), join(folder, "data")];
  for (const version of ["0.0.9", "0.1.0", "0.2.0"])
    mkdirSync(join(prefix, "versions", version, "lib"), { recursive: true });
  const program = join(prefix, "versions/0.2.0/lib/drover-agent.mjs");
  writeFileSync(program, "setInterval(() => {}, 1000);\n");
  chmodSync(program, 0o755);
  switchTo(prefix, "0.2.0");
  return { prefix, dataDir, program };
}

function status(link: LinkStatus["link"], agentVersion: string): LinkStatus {
  const known = { pid: process.pid, name: "gpu-01", coordinator: "https://coord.example", sinceMs: 0 };
  return { ...known, agentVersion, link, reason: link === "offline" ? "ECONNREFUSED" : null };
}

test("a version that comes online stays, and of the others the one before it", async () => {
  const { prefix, dataDir } = anInstallation();
  writeLinkStatus(dataDir, status("online", "0.2.0"));
  const upgrade = { prefix, dataDir, from: "0.1.0", to: "0.2.0", timeoutMs: 10_000 };
  expect(await guardUpgrade(upgrade, machineClock)).toEqual({ from: "0.1.0", to: "0.2.0", reason: null });
  expect(readlinkSync(join(prefix, "current"))).toBe("versions/0.2.0");
  expect(["0.0.9", "0.1.0", "0.2.0"].filter((version) => existsSync(join(prefix, "versions", version)))).toEqual([
    "0.1.0",
    "0.2.0",
  ]);
});

test.each([
  [
    "does not reach the coordinator",
    status("offline", "0.2.0"),
    "node gpu-01 does not reach https://coord.example: ECONNREFUSED",
  ],
  ["does not even start", status("online", "0.1.0"), "no agent of version 0.2.0 runs"],
])("one that %s is ended, and the one before is started next", async (_case, said, seen) => {
  const { prefix, dataDir, program } = anInstallation();
  writeLinkStatus(dataDir, said);
  const agent = spawn(process.execPath, [program], { stdio: "ignore" });
  const ended = once(agent, "exit");
  await once(agent, "spawn");
  const outcome = await guardUpgrade({ prefix, dataDir, from: "0.1.0", to: "0.2.0", timeoutMs: 300 }, machineClock);
  expect(outcome.reason).toBe(`after 0.3 s ${seen}`);
  expect(await ended).toEqual([null, "SIGKILL"]);
  expect(readlinkSync(join(prefix, "current"))).toBe("versions/0.1.0");
  expect(takeOutcome(dataDir)).toEqual(outcome);
  expect(takeOutcome(dataDir)).toBeNull();
});
