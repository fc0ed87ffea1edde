// The programs are TypeScript that Node 24 runs as it is; this file is plain JavaScript because it is what
// an older Node meets first. Used by every bin/*.mjs.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module from "node:module";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

const NODE_MAJOR = 24;

/**
 * Runs `main` of the program under this Node, or the whole command again under the Node 24 that
 * `npm start` put into the checkout.
 *
 * @param {string} program name for messages
 * @param {() => Promise<{ main: () => unknown }>} load imports the program
 */
export async function runOnNode24(program, load) {
  const checkout = new URL("../../../", import.meta.url);
  if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR) {
    // From the second start on the types are already stripped, and the 30 MiB that stripping takes are not taken.
    module.enableCompileCache(fileURLToPath(new URL(".drover/compile-cache", checkout)));
    const { main } = await load();
    await main();
    return;
  }
  const node = fileURLToPath(new URL(".drover/toolchain/node_modules/.bin/node", checkout));
  if (!existsSync(node)) {
    process.stderr.write(
      `${program}: this is Node ${process.versions.node} and Drover needs ${NODE_MAJOR} or newer; install it, or run npm start once in Drover's checkout, which fetches one\n`,
    );
    process.exit(2);
  }
  const child = spawn(node, process.argv.slice(1), { stdio: "inherit" });
  // A terminal sends Ctrl-C to both processes; the child alone decides what it means. SIGTERM comes to one.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal ?? "SIGTERM"]));
}
