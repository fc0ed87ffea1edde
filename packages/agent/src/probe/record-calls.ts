import type { Clock } from "@drover/shared/clock.ts";
import type { ToolCall } from "@drover/shared/domain/diagnosis.ts";
import type { RunTool } from "./run-tool.ts";

const MAX_COMMAND_LENGTH = 160;
const MAX_SAID_LENGTH = 120;

/** The same, and notes each question with how it was answered. */
export function recordCalls(run: RunTool, clock: Clock, calls: ToolCall[]): RunTool {
  return async (program, words, timeoutMs) => {
    const startedAtMs = clock.monotonicMs();
    const answer = await run(program, words, timeoutMs);
    const command = [program, ...words].join(" ");
    const lines = `${answer?.stdout ?? ""}\n${answer?.stderr ?? ""}`.split("\n").map((line) => line.trim());
    calls.push({
      command: cut(command, MAX_COMMAND_LENGTH),
      tookMs: Math.max(0, Math.round(clock.monotonicMs() - startedAtMs)),
      result:
        answer === null ? "no such program" : answer.timedOut ? "no answer in time" : `exit ${answer.exitCode ?? "?"}`,
      said: cut(lines.find((line) => line !== "") ?? "", MAX_SAID_LENGTH),
    });
    return answer;
  };
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
