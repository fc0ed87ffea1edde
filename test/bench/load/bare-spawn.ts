/** How fast Node alone starts and reaps `/bin/true`: what job starts are compared with. */
import { spawn } from "node:child_process";

const { count, atATime } = JSON.parse(process.argv[2] ?? "{}") as { count: number; atATime: number };

let started = 0;
async function loop(): Promise<void> {
  while (started < count) {
    started++;
    await new Promise((resolve) => spawn("/bin/true", { stdio: "ignore" }).once("close", resolve));
  }
}

const startedAt = performance.now();
await Promise.all(Array.from({ length: atATime }, loop));
process.stdout.write(JSON.stringify({ elapsedMs: performance.now() - startedAt }));
