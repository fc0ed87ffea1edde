import { spawn } from "node:child_process";

/** Runs a program of the system to its end; rejects with what it said where it fails. */
export function runCommand([program = "", ...args]: readonly string[], input = ""): Promise<void> {
  const child = spawn(program, args, { stdio: ["pipe", "ignore", "pipe"] });
  const said: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  // One that ended without reading; its exit code says more.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else
        reject(
          new Error(`${[program, ...args].join(" ")}: ${Buffer.concat(said).toString().trim() || `exit ${code}`}`),
        );
    });
  });
}
