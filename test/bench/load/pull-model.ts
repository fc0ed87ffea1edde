import { systemClock } from "@drover/shared/clock.ts";
import type { ModelFile, RevisionId } from "@drover/shared/domain/model.ts";
import { ModelCache } from "@drover/agent/models/model-cache.ts";
import { residentBytes } from "../../support/processes.ts";

/** Brings one revision as an agent does, in a process of its own; prints how long that took and what it held at most. */
const { root, endpoint, files } = JSON.parse(process.argv[2] ?? "{}") as {
  root: string;
  endpoint: string;
  files: ModelFile[];
};
const revisionId = "0".repeat(32) as RevisionId;
const started = performance.now();
const done = Promise.withResolvers<void>();
const models = await ModelCache.open(
  root,
  { maxBytes: null, keepFreeBytes: 0 },
  {
    clock: systemClock,
    log: () => {},
    askManifest: () => Promise.resolve(files),
    askAddress: () => Promise.reject(new Error("nothing here needs a token")),
    onReportDue() {
      const [report] = models.takeAllReports();
      if (report?.state === "ready") done.resolve();
      if (report?.state === "failed") done.reject(new Error(report.problem?.message));
    },
  },
);
models.apply([
  {
    revisionId,
    desired: "hold",
    source: {
      type: "huggingFace",
      repository: "bench/model",
      revision: "main",
      commit: "a".repeat(40),
      needsToken: false,
    },
    fileCount: files.length,
    sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    endpoint,
  },
]);
await done.promise;
const elapsedMs = performance.now() - started;
models.stop();
process.stdout.write(JSON.stringify({ elapsedMs, peakRssBytes: residentBytes(process.pid, "VmHWM") }));
process.exit(0);
