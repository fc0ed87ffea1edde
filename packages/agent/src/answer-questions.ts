import { bySeverity, type Diagnosis, type Finding } from "@drover/shared/domain/diagnosis.ts";
import { healthFindings } from "./health/diagnosis.ts";
import type { NodeWatch } from "./health/node-watch.ts";
import type { Machine } from "./machine/machine.ts";
import type { LinkPorts } from "./link/link-ports.ts";

interface AskedOf {
  /** Never loaded. */
  heldGpuIds(): readonly string[];
  /** The answer is on its way, and another version is what is started next. */
  onReplaced(): void;
}

/** What the coordinator may ask, each with an answer whatever happens. */
export function answersOf(
  machine: Pick<Machine, "diagnose" | "upgrade">,
  watch: Pick<NodeWatch, "state">,
  { heldGpuIds, onReplaced }: AskedOf,
): Pick<LinkPorts, "onDiagnose" | "onUpgrade" | "onUpgradeAnswered"> {
  return {
    onDiagnose: (burn) => answerDiagnose(machine.diagnose({ burn, heldGpuIds: heldGpuIds() }), watch),
    async onUpgrade(version, sha256) {
      try {
        await machine.upgrade(version, sha256);
        return null;
      } catch (error) {
        return messageOf(error);
      }
    },
    onUpgradeAnswered(problem) {
      if (problem === null) onReplaced();
    },
  };
}

/** What a look from outside finds, and what only this agent knows: what it remembers of before. */
async function answerDiagnose(
  looking: Promise<Diagnosis>,
  watch: Pick<NodeWatch, "state">,
): ReturnType<LinkPorts["onDiagnose"]> {
  try {
    const { findings, calls } = await looking;
    const { hardware, health } = watch.state();
    const isNew = (own: Finding) => !findings.some(({ subject, code }) => subject === own.subject && code === own.code);
    const own = healthFindings(hardware, health).filter(isNew);
    return { diagnosis: { findings: bySeverity([...findings, ...own]), calls }, problem: null };
  } catch (error) {
    return { diagnosis: null, problem: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
