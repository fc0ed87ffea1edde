import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JobSubmission } from "@drover/shared/domain/job.ts";
import { LocalFleet } from "../support/local-fleet.ts";

let fleet: LocalFleet;
beforeAll(async () => {
  fleet = await LocalFleet.start();
});
afterAll(() => fleet[Symbol.asyncDispose]());

describe("a large job on a real fleet", () => {
  test("is kept its node, past which only what is short enough goes, over a crash of the coordinator", async () => {
    const { capacity } = (await fleet.client.listNodes()).nodes[0]!;
    const cpus = capacity.cpuMilli / 1000;
    const submit = async (job: JobSubmission, share: number): Promise<number> =>
      (
        await fleet.client.submitJob({
          ...job,
          resources: { cpus: Math.floor(cpus * share * 1000) / 1000, memory: "1MiB" },
        })
      ).id;
    const gate = join(fleet.folder, "gate");
    const holder = await submit({ script: `while [ ! -e ${gate} ]; do sleep 0.05; done`, timeout: "1h" }, 0.6);
    const large = await submit({ command: ["true"] }, 1);
    const endless = await submit({ command: ["true"] }, 0.3);
    const short = await submit({ command: ["true"], timeout: "1m" }, 0.3);
    await fleet.untilEnded(short);

    await fleet.crashCoordinator();
    await fleet.untilOnline();
    const shortAgain = await submit({ command: ["true"], timeout: "1m" }, 0.3);
    await fleet.untilEnded(shortAgain);
    const waits = (await fleet.client.getJob(large)).waiting;
    expect(waits?.start).toMatchObject({ isKept: true, awaitedJobIds: [holder], isBound: true });
    expect(waits?.start?.inMs).toBeGreaterThan(0);
    expect((await fleet.client.getJob(endless)).waiting).toMatchObject({ code: "keptForEarlier", aheadCount: 1 });

    writeFileSync(gate, "");
    await fleet.untilEnded(endless);
    const [first, second] = [await fleet.client.getJob(large), await fleet.client.getJob(endless)];
    expect([first.state, second.state]).toEqual(["succeeded", "succeeded"]);
    expect(Date.parse(first.startedAt ?? "")).toBeLessThanOrEqual(Date.parse(second.startedAt ?? ""));
  });
});
