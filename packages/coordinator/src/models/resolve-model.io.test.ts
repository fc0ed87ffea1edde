import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { systemClock } from "@drover/shared/clock.ts";
import { parseModelReference } from "@drover/shared/domain/model.ts";
import { isDroverError } from "@drover/shared/errors.ts";
import { LocalHub } from "@drover/shared/testing/local-hub/local-hub.ts";
import { gitSha1Of, sha256Of, type HubRepository } from "@drover/shared/testing/local-hub/repository.ts";
import { HubClient } from "./hub-client.ts";
import { resolveModel, type FileChoice, type ResolvedModel } from "./resolve-model.ts";

const WEIGHTS = randomBytes(5000);
const CONTENTS = {
  "config.json": "{}",
  "model-00001-of-00002.safetensors": WEIGHTS,
  "original/consolidated.bin": randomBytes(3000),
};

let hub: LocalHub;
let token: string | null;

beforeEach(async () => {
  hub = await LocalHub.start();
  token = null;
});
afterEach(() => hub[Symbol.asyncDispose]());

function resolve(reference: string, choice: Partial<FileChoice> = {}, endpoint = hub.url): Promise<ResolvedModel> {
  const parsed = parseModelReference(reference);
  if (parsed === null) throw new Error(`no reference: ${reference}`);
  const client = new HubClient({ endpoint, readToken: () => token, clock: systemClock });
  return resolveModel(client, parsed, { include: [], exclude: [], ...choice });
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "resolved";
  } catch (error) {
    if (!isDroverError(error)) throw error;
    return error.code;
  }
}

describe("a repository of the Hub", () => {
  it("is pinned to the commit of its branch, with the hash that the Hub states of each file", async () => {
    const commit = hub.publish("acme/tiny", CONTENTS);
    const { source, files } = await resolve("hf://acme/tiny");
    expect(source).toEqual({
      type: "huggingFace",
      repository: "acme/tiny",
      revision: "main",
      commit,
      needsToken: false,
    });
    const [config, weights] = files;
    expect(config).toEqual({ path: "config.json", sizeBytes: 2, hash: `gitSha1:${gitSha1Of(Buffer.from("{}"))}` });
    expect(weights).toMatchObject({ sizeBytes: 5000, hash: `sha256:${sha256Of(WEIGHTS)}` });
  });

  it("means another revision when its branch has moved, and the same when it has not", async () => {
    hub.publish("acme/tiny", CONTENTS);
    const first = await resolve("hf://acme/tiny");
    expect((await resolve("hf://acme/tiny")).revisionId).toBe(first.revisionId);
    hub.publish("acme/tiny", { ...CONTENTS, "config.json": '{"a":1}' });
    expect((await resolve("hf://acme/tiny")).revisionId).not.toBe(first.revisionId);
    expect((await resolve(`hf://acme/tiny@${first.source.commit}`)).files).toEqual(first.files);
  });

  it("is listed whole, however many pages that takes", async () => {
    const contents = Object.fromEntries(Array.from({ length: 25 }, (_, index) => [`part-${index}.txt`, `${index}`]));
    hub.publish("acme/many", contents);
    hub.pageSize = 10;
    expect((await resolve("hf://acme/many")).files).toHaveLength(25);
  });

  it("may be taken in part", async () => {
    hub.publish("acme/tiny", CONTENTS);
    const choice = { include: ["*.safetensors", "*.json", "*.bin"], exclude: ["original/*"] };
    const { files } = await resolve("hf://acme/tiny", choice);
    expect(files.map(({ path }) => path)).toEqual(["config.json", "model-00001-of-00002.safetensors"]);
    expect(await codeOf(resolve("hf://acme/tiny", { include: ["*.gguf"] }))).toBe("model.manifestRefused");
  });

  it("is found under its new name when it was renamed", async () => {
    const commit = hub.publish("acme/new", CONTENTS);
    hub.publish("acme/old", {}, { renamedTo: "acme/new" });
    expect((await resolve("hf://acme/old")).source.commit).toBe(commit);
  });

  test.each(["../../etc/passwd", "/etc/passwd", "a/../../b", "a\\..\\b", `${"x".repeat(300)}.bin`])(
    "is refused for a file called %s",
    async (path) => {
      hub.publish("acme/evil", { "config.json": "{}", [path]: "root" });
      expect(await codeOf(resolve("hf://acme/evil"))).toBe("model.manifestRefused");
    },
  );
});

describe("a repository that is not for everybody", () => {
  const LET_IN = "hf_letInletIn";
  const STRANGER = "hf_stranger";
  const gated: Partial<HubRepository> = { gated: "manual", acceptedTokens: new Set([LET_IN]) };

  beforeEach(() => {
    hub.tokens.add(LET_IN).add(STRANGER);
  });

  test.each([
    ["is gated, and there is no token", null, gated, "model.gatedNoToken"],
    ["is gated, and the account was not let in", STRANGER, gated, "model.gatedNotAccepted"],
    ["is gated, and the account was let in", LET_IN, gated, "resolved"],
    ["is private, and there is no token", null, { isPrivate: true }, "model.repositoryNotFound"],
    ["is private, and the account may not see it", STRANGER, { isPrivate: true }, "model.repositoryNotFound"],
    ["is private, and the account may see it", LET_IN, { ...gated, gated: false, isPrivate: true }, "resolved"],
    ["was taken down", null, { isDisabled: true }, "model.takenDown"],
    ["is public, and the token is none", "hf_unknown", {}, "model.tokenRefused"],
  ] as const)("%s", async (_title, shown, settings, code) => {
    hub.publish("acme/closed", CONTENTS, settings);
    token = shown;
    expect(await codeOf(resolve("hf://acme/closed"))).toBe(code);
  });

  it("is known to need a token", async () => {
    hub.publish("acme/closed", CONTENTS, gated);
    token = LET_IN;
    expect((await resolve("hf://acme/closed")).source.needsToken).toBe(true);
  });

  it("does not exist, or has no such revision", async () => {
    expect(await codeOf(resolve("hf://acme/none"))).toBe("model.repositoryNotFound");
    hub.publish("acme/tiny", CONTENTS);
    expect(await codeOf(resolve("hf://acme/tiny@v9"))).toBe("model.revisionNotFound");
  });
});

describe("a Hub that has trouble", () => {
  beforeEach(() => {
    hub.publish("acme/tiny", CONTENTS);
  });

  it("is asked again when it says that it is asked too much, after as long as it says", async () => {
    hub.limited = { count: 2, retryAfterSeconds: 0 };
    expect(await codeOf(resolve("hf://acme/tiny"))).toBe("resolved");
  });

  it("is left alone when that would be long, and says for how long", async () => {
    hub.limited = { count: 1, retryAfterSeconds: 240 };
    await expect(resolve("hf://acme/tiny")).rejects.toMatchObject({
      code: "model.rateLimited",
      details: { retryAfterSeconds: 240 },
    });
  });

  it("is asked again when it is unavailable", async () => {
    hub.unavailableCount = 1;
    expect(await codeOf(resolve("hf://acme/tiny"))).toBe("resolved");
  });

  it("that answers something else is no Hub", async () => {
    hub.repositories.clear();
    expect(await codeOf(resolve("hf://acme/tiny", {}, `${hub.url}/nowhere`))).toBe("model.repositoryNotFound");
  });
});
