import { join } from "node:path";
import { z } from "zod";
import type { QuarantinePorts } from "./health/quarantine.ts";
import type { Log } from "./log.ts";
import type { FileSystem } from "./machine/file-system.ts";

const QuarantineFile = z.object({
  bootId: z.string(),
  quarantines: z.array(
    z.object({ gpuId: z.string(), evidence: z.string(), allowedBytes: z.number(), sinceMs: z.number() }),
  ),
});

/** The file `quarantine`, in JSON. What was taken before a restart of the machine is taken no longer. */
export function openQuarantineFile(dataDir: string, files: FileSystem, bootId: string, log: Log): QuarantinePorts {
  const path = join(dataDir, "quarantine");
  return {
    load() {
      try {
        const file = QuarantineFile.parse(JSON.parse(files.readText(path) ?? ""));
        return file.bootId === bootId ? file.quarantines : [];
      } catch {
        return [];
      }
    },
    save(quarantines) {
      try {
        files.writeText(`${path}.new`, `${JSON.stringify({ bootId, quarantines }, null, 2)}\n`, { mode: 0o600 });
        files.rename(`${path}.new`, path);
      } catch (error) {
        // It holds all the same, for as long as this agent lives.
        log("agent.watchTrouble", { reason: `${path} cannot be written: ${String(error)}` });
      }
    },
  };
}
