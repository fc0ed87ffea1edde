#!/usr/bin/env node
// Makes a clean clone runnable, then runs a TypeScript program of this checkout under Node 24:
//
//   node deploy/local/bootstrap.mjs SCRIPT.ts [ARGUMENT...]
//
// It is the one program here that must run on the Node a machine happens to have (20 or newer), before
// anything is installed: plain JavaScript, no dependency. Everything it makes lies in `.drover/`,
// `node_modules/` and the package managers' own caches.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { delimiter, join } from "node:path";
import { lockCheckout } from "./bootstrap/lock.mjs";
import { CHECKOUT } from "./bootstrap/paths.mjs";
import { StepFailed } from "./bootstrap/step.mjs";
import { buildSupervisor, isSupervisorBuilt } from "./bootstrap/supervisor.mjs";
import { installToolchain, isToolchainInstalled, nodePath, toolchainBin } from "./bootstrap/toolchain.mjs";
import { installWorkspace, isWorkspaceInstalled } from "./bootstrap/workspace.mjs";

const steps = [
  { isDone: isToolchainInstalled, make: installToolchain },
  { isDone: isWorkspaceInstalled, make: installWorkspace },
  { isDone: isSupervisorBuilt, make: buildSupervisor },
];

const [script, ...scriptArguments] = process.argv.slice(2);
if (script === undefined) {
  console.error("usage: node deploy/local/bootstrap.mjs SCRIPT.ts [ARGUMENT...]");
  process.exit(2);
}

const env = {
  ...process.env,
  PATH: [toolchainBin(), join(CHECKOUT, "node_modules", ".bin"), process.env.PATH].filter(Boolean).join(delimiter),
};

try {
  // The lock is for the rare start that has something to make; the usual one only looks.
  if (!steps.every((step) => step.isDone())) {
    const unlock = await lockCheckout();
    for (const step of steps) if (!step.isDone()) await step.make(env);
    unlock();
  }
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  console.error(`drover: ${error.message}`);
  process.exit(1);
}

const child = spawn(nodePath(), [script, ...scriptArguments], { stdio: "inherit", env });
// The child decides what a signal means; this process only waits for what comes of it. A Ctrl-C reaches
// the child twice, from the terminal and from here: a `kill` of this process alone must reach it too.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  console.error(`drover: ${nodePath()} does not start: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
