import type { JobSubmission } from "@drover/shared/domain/job.ts";
import type { Random } from "../../simulation/world/random.ts";
import { KEY_LABEL } from "../book.ts";
import { MARK } from "../machine/processes.ts";

/** Where the tasks of a run find what they need; see witness.c. */
export interface WorkPlace {
  run: string;
  witnessFolder: string;
  witnessProgram: string;
  /** Nodes are given up in this run. */
  reachesLoss: boolean;
}

/** What is asked of the coordinator, and what its tasks will write. */
export interface PlannedJob {
  key: string;
  submission: JobSubmission;
  taskCount: number;
  lineBytes: number;
}

interface Work {
  lines: number;
  bytes: number;
  pause?: number;
  failures?: number;
  daemon?: 1;
  stubborn?: 1;
}

interface Kind {
  weight: number;
  draw: (random: Random) => { work: Work } & Omit<JobSubmission, "command" | "script">;
}

/** Mostly short, so that a run sees many; some with a reason of their own to end badly. */
const KINDS: readonly Kind[] = [
  {
    weight: 8,
    draw: (random) => ({ work: { lines: random.between(1, 30), bytes: 64, pause: random.between(5, 100) } }),
  },
  {
    weight: 5,
    draw: (random) => ({
      work: { lines: random.between(5, 40), bytes: 120, pause: random.between(10, 100) },
      array: { size: random.between(2, 5) },
    }),
  },
  { weight: 2, draw: (random) => ({ work: { lines: random.between(30, 90), bytes: 4096, pause: 2 } }) },
  {
    weight: 3,
    draw: (random) => ({
      work: { lines: random.between(1, 10), bytes: 80, pause: 50, failures: random.between(1, 3) },
      retries: random.between(1, 4),
    }),
  },
  // For cancels, leases and outages to meet.
  { weight: 4, draw: (random) => ({ work: { lines: random.between(30, 90), bytes: 100, pause: 100 } }) },
  { weight: 2, draw: () => ({ work: { lines: 10_000, bytes: 64, pause: 100 }, timeout: "1500ms", retries: 1 }) },
  { weight: 2, draw: (random) => ({ work: { lines: random.between(1, 10), bytes: 64, pause: 50, daemon: 1 } }) },
  { weight: 1, draw: () => ({ work: { lines: 10_000, bytes: 64, pause: 100, stubborn: 1 }, timeout: "500ms" }) },
];
/** Longer than a node may be silent before what ran there is given away: what must be dead by then shows that it is. */
const OUTLASTS_LOSS: Kind = {
  weight: 2,
  draw: (random) => ({ work: { lines: random.between(150, 250), bytes: 64, pause: 200 } }),
};

export function drawJob(random: Random, key: string, place: WorkPlace): PlannedJob {
  const kinds = place.reachesLoss ? [...KINDS, OUTLASTS_LOSS] : KINDS;
  const { work, ...more } = drawKind(random, kinds).draw(random);
  const words = Object.entries(work).map(([name, value]) => `${name}=${String(value)}`);
  // Both ways of starting it: as a command, and by a shell that stays above it.
  const what = random.chance(0.3)
    ? { script: `${place.witnessProgram} ${words.join(" ")}\nexit $?\n` }
    : { command: [place.witnessProgram, ...words] };
  return {
    key,
    taskCount: more.array?.size ?? 1,
    lineBytes: work.bytes,
    submission: {
      ...more,
      ...what,
      name: key,
      labels: { [KEY_LABEL]: key },
      env: { [MARK]: place.run, CHAOS_FOLDER: place.witnessFolder, CHAOS_KEY: key },
      resources: { cpus: random.pick([0.25, 0.5, 1]), memory: "16MiB" },
      onDisconnect: random.chance(0.3) ? "wait" : "restart",
    },
  };
}

function drawKind(random: Random, kinds: readonly Kind[]): Kind {
  return random.pick(kinds.flatMap((kind) => Array.from({ length: kind.weight }, () => kind)));
}
