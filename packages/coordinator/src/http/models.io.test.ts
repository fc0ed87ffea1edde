import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LocalHub } from "@drover/shared/testing/local-hub/local-hub.ts";
import { RunningCoordinator } from "../testing/running-coordinator.ts";

const TOKEN = "hf_canaryCanaryCanary";

let hub: LocalHub;
let coordinator: RunningCoordinator;

beforeAll(async () => {
  hub = await LocalHub.start();
  hub.tokens.add(TOKEN);
  coordinator = await RunningCoordinator.start(undefined, { hubEndpoint: hub.url, hubToken: TOKEN });
});
afterAll(async () => {
  await coordinator[Symbol.asyncDispose]();
  await hub[Symbol.asyncDispose]();
});

function filesOf(count: number): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`f${String(index).padStart(4, "0")}`, `${index}`]),
  );
}

describe("a model", () => {
  it("is added, listed and shown with its files, page by page, and is there after a restart", async () => {
    hub.publish("acme/many", filesOf(1500));
    const { client } = coordinator;
    const added = await client.addModel({ name: "many", reference: "hf://acme/many" });
    expect(added.revision).toMatchObject({ fileCount: 1500 });
    await coordinator.restart();
    expect((await coordinator.client.listModels()).models).toEqual([added]);
    const page = await coordinator.client.getModel("many");
    expect(page.files).toHaveLength(1000);
    const rest = await coordinator.client.getModel("many", page.nextFile ?? undefined);
    expect([rest.files[0]?.path, rest.files.length, rest.nextFile]).toEqual(["f1000", 500, null]);
  });

  it("is what it was when its branch moves; the same name is not taken for the new", async () => {
    hub.publish("acme/moving", { a: "1" });
    const { client } = coordinator;
    const request = { name: "moving", reference: "hf://acme/moving" };
    const before = await client.addModel(request);
    expect(await client.addModel(request)).toEqual(before);
    hub.publish("acme/moving", { a: "2" });
    await expect(client.addModel(request)).rejects.toMatchObject({ code: "model.exists" });
    expect((await client.getModel("moving")).revision).toEqual(before.revision);
    await client.removeModel("moving");
    await expect(client.getModel("moving")).rejects.toMatchObject({ code: "model.notFound" });
    expect((await client.addModel(request)).revision.id).not.toBe(before.revision.id);
  });

  it("tells what happened to it", async () => {
    hub.publish("acme/told", { a: "1" });
    await coordinator.client.addModel({ name: "told", reference: "hf://acme/told@main" });
    await coordinator.client.removeModel("told");
    const told = [];
    for await (const event of coordinator.client.readEvents())
      if (event["modelName"] === "told") told.push(event.event);
    expect(told).toEqual(["model.added", "model.removed"]);
  });

  it("is refused where its name or reference is none, or the Hub refuses it", async () => {
    const { client } = coordinator;
    await expect(client.addModel({ name: "Upper", reference: "hf://a/b" })).rejects.toMatchObject({
      code: "request.invalid",
    });
    await expect(client.addModel({ name: "x", reference: "a/b" })).rejects.toMatchObject({
      code: "model.referenceInvalid",
    });
    hub.publish("acme/gated", { a: "1" }, { gated: "auto" });
    await expect(client.addModel({ name: "x", reference: "hf://acme/gated" })).rejects.toMatchObject({
      code: "model.gatedNotAccepted",
    });
    await expect(client.removeModel("x")).rejects.toMatchObject({ code: "model.notFound" });
  });
});

describe("the token for the Hub", () => {
  it("goes to the Hub, and is in no log line, event, answer or file", async () => {
    expect(hub.requests.some(({ token }) => token === TOKEN)).toBe(true);
    hub.publish("acme/secret", { a: "1" }, { gated: "auto" });
    await expect(coordinator.client.addModel({ name: "s", reference: "hf://acme/secret" })).rejects.toThrowError();
    const written = readdirSync(coordinator.dataDir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
    const everything = [...written, JSON.stringify(coordinator.logLines)].join("\n");
    expect(everything).toContain("model.added");
    expect(everything).not.toContain(TOKEN);
  });

  it("is asked with from the time at which a repository was closed and its model added again", async () => {
    hub.publish("acme/open", { a: "1" });
    const request = { name: "open", reference: "hf://acme/open" };
    expect((await coordinator.client.addModel(request)).revision.source.needsToken).toBe(false);
    Object.assign(hub.repositories.get("acme/open") ?? {}, { gated: "auto", acceptedTokens: new Set([TOKEN]) });
    expect((await coordinator.client.addModel(request)).revision.source.needsToken).toBe(true);
  });

  it("is read from its file each time, and a file without one is told of, not what is in it", async () => {
    const file = join(coordinator.dataDir, "hub-token");
    await using other = await RunningCoordinator.start(undefined, { hubEndpoint: hub.url, hubTokenFile: file });
    hub.publish("acme/filed", { a: "1" }, { gated: "auto", acceptedTokens: new Set([TOKEN]) });
    writeFileSync(file, "two words\n");
    const request = { name: "filed", reference: "hf://acme/filed" };
    await expect(other.client.addModel(request)).rejects.toMatchObject({
      code: "model.tokenRefused",
      message: expect.not.stringContaining("two words"),
    });
    writeFileSync(file, `${TOKEN}\n`);
    expect((await other.client.addModel(request)).revision.source.needsToken).toBe(true);
  });
});
