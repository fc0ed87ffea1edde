import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import { aHello, nodeIdOf, SETTINGS } from "../testing/scenario.ts";
import { INITIAL } from "./migrations/0001-initial.ts";
import { openStore } from "./store.ts";

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "drover-store-"));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

test("a node of the first version's database is healthy, and expected to have what it had", () => {
  const { capacity } = aHello(1);
  const gpu = { id: "GPU-1", index: 0, model: "NVIDIA H100 80GB HBM3", memoryBytes: null, driverVersion: null };
  const hardware = {
    cpu: { model: "EPYC", cores: 4, physicalCores: null },
    memoryBytes: 1024,
    disks: [{ mount: "/", fileSystem: "ext4", sizeBytes: 10, freeBytes: 5 }],
    gpus: [gpu],
    os: "Debian 12",
    kernel: "6.1.0",
    architecture: "x64",
    warnings: [],
  };
  const database = new Database(join(dataDir, "drover.db"));
  database.exec(INITIAL);
  database
    .prepare("insert into nodes values (?, 'gpu-01', 'lost', 5, 'schedulable', '0.1.0', 'boot-1', ?, ?, 60000, 4)")
    .run(nodeIdOf(1), JSON.stringify(capacity), JSON.stringify(hardware));
  database.pragma("user_version = 1");
  database.close();
  const store = openStore(dataDir);
  expect([...store.loadFleet(SETTINGS).nodes.values()]).toMatchObject([
    {
      id: nodeIdOf(1),
      capacity,
      hardware,
      health: { state: "healthy", reasons: [], gpus: [] },
      expected: { gpus: [{ id: "GPU-1", model: "NVIDIA H100 80GB HBM3" }], diskMounts: ["/"], memoryBytes: 1024 },
    },
  ]);
  store.close();
});
