import { expect, test } from "vitest";
import { VERSION_1_ATTEMPT_ID, VERSION_1_FRAMES, VERSION_1_NODE_ID } from "@drover/shared/testing/version-1-frames.ts";
import { RunningCoordinator } from "../testing/running-coordinator.ts";

test("an agent of protocol version 1 joins, runs a job over a broken connection, and is told to forget it", async () => {
  await using coordinator = await RunningCoordinator.start();
  const agent = await coordinator.connectRaw();
  agent.send(VERSION_1_FRAMES.hello);
  expect(await agent.next("welcome")).toMatchObject({ attempts: [] });
  const node = await coordinator.client.getNode(VERSION_1_NODE_ID);
  expect(node).toMatchObject({ name: "gpu-01", link: "online", site: null, machineId: null });

  const { id } = await coordinator.client.submitJob({ command: ["/bin/sh", "-c", "echo hello; exit 3"] });
  const attemptId = await agent.assigned();
  // Recorded as it was, but for the id, which the coordinator has drawn anew.
  const frame = (name: keyof typeof VERSION_1_FRAMES) =>
    VERSION_1_FRAMES[name].replaceAll(VERSION_1_ATTEMPT_ID, attemptId);
  agent.send(frame("running"));
  agent.sendOutput(attemptId, 0, "hello\n");
  agent.send(frame("heartbeat"));
  expect(await agent.next("heartbeatAck")).toMatchObject({ sequence: 0 });
  agent.cut();

  const again = await coordinator.connectRaw();
  again.send(frame("helloWithAttempt"));
  expect(await again.next("welcome")).toMatchObject({ attempts: [{ desired: "keep", attemptId }] });
  again.send(frame("releasing"));
  again.send(frame("ended"));
  await again.next("desired", ({ held }) => held.some((one) => one.desired === "forget"));
  const job = await coordinator.client.getJob(id);
  expect(job.tasks[0]?.attempts).toMatchObject([{ id: attemptId, outcome: { type: "exited", code: 3 } }]);
  expect(await (await coordinator.request(`/v1/jobs/${id}/output`)).text()).toBe("hello\n");
});
