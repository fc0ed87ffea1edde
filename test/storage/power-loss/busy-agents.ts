import { ScriptedAgent } from "@drover/coordinator/testing/running-coordinator.ts";
import { aHello, aReport } from "@drover/coordinator/testing/scenario.ts";
import type { AttemptId } from "@drover/shared/domain/ids.ts";
import type { AttemptReport } from "@drover/shared/protocol/messages.ts";

/** Agents by hand, which end attempts as fast as the coordinator gives them; returns what disconnects them. */
export async function runAgents(
  url: string,
  count: number,
  onForget: (attemptId: AttemptId, output: string) => void,
): Promise<() => void> {
  const agents = await Promise.all(Array.from({ length: count }, (_, number) => connect(url, number + 1)));
  for (const agent of agents) void doWhatIsDesired(agent, onForget);
  return () => {
    for (const agent of agents) agent.cut();
  };
}

async function connect(url: string, number: number): Promise<ScriptedAgent> {
  const agent = await ScriptedAgent.connect(url);
  agent.send(aHello(number, { cpus: 8 }));
  await agent.next("welcome");
  return agent;
}

async function doWhatIsDesired(
  agent: ScriptedAgent,
  onForget: (attemptId: AttemptId, output: string) => void,
): Promise<void> {
  for (;;) {
    const { run, held } = await agent.next("desired");
    for (const { attemptId } of run) runToItsEnd(agent, attemptId);
    for (const { desired, attemptId } of held) {
      if (desired === "forget") onForget(attemptId, outputOf(attemptId));
      else if (desired === "stop") agent.report(endOf(attemptId));
    }
  }
}

function runToItsEnd(agent: ScriptedAgent, attemptId: AttemptId): void {
  const output = outputOf(attemptId);
  agent.report(aReport(attemptId));
  const half = Math.floor(output.length / 2);
  if (half > 0) agent.sendOutput(attemptId, 0, output.slice(0, half));
  if (output.length > 0) agent.sendOutput(attemptId, half, output.slice(half));
  agent.report(endOf(attemptId));
}

function endOf(attemptId: AttemptId): AttemptReport {
  const code = attemptId.length % 3 === 0 ? 1 : 0;
  const outputBytes = outputOf(attemptId).length;
  return aReport(attemptId, { state: "ended", outcome: { type: "exited", code }, endedAtMs: 1, outputBytes });
}

/** Known from the id alone; some silent, some of several sectors. */
function outputOf(attemptId: AttemptId): string {
  const [jobId = "0"] = attemptId.split(".");
  return `${attemptId}\n`.repeat((Number(jobId) * 37) % 600);
}
