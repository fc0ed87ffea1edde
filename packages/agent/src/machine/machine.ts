import type { Clock } from "@drover/shared/clock.ts";
import type { Diagnosis } from "@drover/shared/domain/diagnosis.ts";
import type { Hardware } from "@drover/shared/domain/node.ts";
import type { DiagnoseOptions } from "../probe/diagnose.ts";
import type { LoadWatch } from "../probe/live/load-watch.ts";
import type { Launcher } from "../runtime/launcher.ts";
import type { Notice } from "../runtime/notices.ts";
import type { CgroupRoots } from "../runtime/open-cgroups.ts";
import type { FileSystem } from "./file-system.ts";

/** Everything of the machine that an agent touches, apart from its socket; the simulator puts another in its place. */
export interface Machine {
  /** `monotonicMs` as the whole machine counts it: supervisors compare their own with the lease that we write. */
  clock: Clock;
  files: FileSystem;
  /** Changes with every start of the machine. */
  bootId: string;
  /** Stays with the machine, and is another on a clone of it; `null` where it does not say. */
  machineId: string | null;
  /** Holds the data directory from then on; throws `dataDir.locked` or `agent.supervisorMissing`. */
  startLauncher(): Promise<Launcher>;
  /** Yields a function that stops listening. */
  listenForNotices(onNotice: (notice: Notice) => void): () => void;
  /** Does nothing where the process is gone. */
  sendSignal(pid: number, signal: "SIGTERM" | "SIGKILL"): void;
  /** Makes the directories in which attempts get cgroups of their own, as far as we may. */
  openCgroups(nodeId: string): CgroupRoots;
  closeCgroups(roots: CgroupRoots): void;
  /** The first look is the one that somebody waits for: it measures nothing. */
  probeHardware(options: { isFirst: boolean }): Promise<Hardware>;
  /** Looks at everything for somebody who waits for it; rejects with why it cannot. */
  diagnose(options: DiagnoseOptions): Promise<Diagnosis>;
  /** Makes another version what is started next; rejects with why it cannot. */
  upgrade(version: string, sha256: string): Promise<void>;
  /** Begins to watch what this machine does; `onTrouble` hears what went wrong with that, and is tried again. */
  watchLoad(hardware: Hardware, onTrouble: (reason: string) => void): LoadWatch;
}
