import { spawn } from "node:child_process";

/** A step that did not work, in one sentence that a person can act on. */
export class StepFailed extends Error {}

/**
 * Runs one program to its end and keeps what it prints to itself unless it fails: package managers say
 * much that is no news to somebody who typed `npm start`.
 *
 * @returns {Promise<{ ok: boolean, output: string }>} `output` is what it wrote, both streams together
 */
export function runQuietly(program, programArguments, options) {
  return new Promise((resolve) => {
    const child = spawn(program, programArguments, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const keep = (chunk) => (output += chunk);
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", (error) => resolve({ ok: false, output: `${program} does not start: ${error.message}` }));
    child.on("close", (code) => resolve({ ok: code === 0, output: output.trim() }));
  });
}

/** The last lines of a failed program's output, indented below the sentence that says what failed. */
export function endOf(output, lineCount = 20) {
  return output
    .split("\n")
    .slice(-lineCount)
    .map((line) => `  ${line}`)
    .join("\n");
}

export function say(sentence) {
  // On stderr: a program whose output somebody reads must not begin with our housekeeping.
  process.stderr.write(`drover: ${sentence}\n`);
}
