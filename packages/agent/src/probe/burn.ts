import type { Clock } from "@drover/shared/clock.ts";
import type { Finding, ToolCall } from "@drover/shared/domain/diagnosis.ts";
import type { GpuDevice } from "@drover/shared/domain/gpu.ts";
import { recordCalls } from "./record-calls.ts";
import { createRunTool } from "./run-tool.ts";

const BURN_SECONDS = 10;
/** For starting, for a compiler that warms up, for cleaning up. */
const DEADLINE_MS = (BURN_SECONDS + 20) * 1000;

/**
 * Lets the operator's own program load each of these GPUs for ten seconds: `PROGRAM GPU-ID SECONDS`. A GPU with which
 * it does not end well fails under load, whatever its sensors say when it idles.
 */
export async function burn(
  program: string,
  gpus: readonly GpuDevice[],
  clock: Clock,
  calls: ToolCall[],
): Promise<Finding[]> {
  const run = recordCalls(createRunTool(clock), clock, calls);
  return Promise.all(
    gpus.map(async ({ id, index }): Promise<Finding> => {
      const answer = await run(program, [id, String(BURN_SECONDS)], DEADLINE_MS);
      const subject = `gpu ${index}`;
      if (answer?.exitCode === 0)
        return {
          severity: "ok",
          subject,
          code: null,
          text: `ran under load for ${BURN_SECONDS} s`,
          evidence: null,
          advice: null,
        };
      const said = `${answer?.stdout ?? ""}\n${answer?.stderr ?? ""}`.trim().split("\n").at(-1) ?? "";
      const how =
        answer === null ? `there is no ${program}` : answer.timedOut ? "no end in time" : `exit ${answer.exitCode}`;
      return {
        severity: "unhealthy",
        subject,
        code: "burnFailed",
        text: "The burn test did not end well.",
        evidence: said === "" ? how : `${how}: ${said}`,
        advice: "Look into the kernel's log, at power and cooling; run it again with this GPU alone.",
      };
    }),
  );
}
