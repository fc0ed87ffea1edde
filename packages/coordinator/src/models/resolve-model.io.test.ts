import { randomBytes } from "node:crypto";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { systemClock } from "@drover/shared/clock.ts";
import { parseModelReference, type RevisionId } from "@drover/shared/domain/model.ts";
import { isDroverError } from "@drover/shared/errors.ts";
import { LocalHub } from "@drover/shared/testing/local-hub/local-hub.ts";
import { gitSha1Of, sha256Of, type HubRepository } from "@drover/shared/testing/local-hub/repository.ts";
import { answerModelQuery } from "./answer-query.ts";
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

describe("a mirror", () => {
  const COMMIT = "a".repeat(40);
  const FILE = { type: "file", path: "a", size: 1, oid: "b".repeat(40) };
  let mirror: ReturnType<typeof createServer>;
  let requests: string[];

  afterEach(async () => {
    mirror.closeAllConnections();
    await new Promise((resolve) => void mirror.close(resolve));
  });

  /** Says that every repository has one commit; `list` gives out its tree, and whatever else is asked for. */
  async function serve(list: RequestListener): Promise<string> {
    requests = [];
    mirror = createServer((request, response) => {
      requests.push(request.url ?? "");
      if (!request.url?.includes("/revision/") || request.url.includes("old")) list(request, response);
      else response.end(JSON.stringify({ sha: COMMIT }));
    });
    await new Promise<void>((resolve) => void mirror.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(mirror.address() as AddressInfo).port}`;
  }

  it("below a path may redirect as the Hub does, which knows nothing of that path", async () => {
    const url = await serve((request, response) => {
      const { url: asked = "" } = request;
      if (asked.includes("old"))
        response.writeHead(307, { location: asked.replace("/hf", "").replace("old", "new") }).end();
      else response.end(JSON.stringify([FILE]));
    });
    expect((await resolve("hf://a/old", {}, `${url}/hf`)).files).toHaveLength(1);
    expect(requests.slice(0, 2)).toEqual(["/hf/api/models/a/old/revision/main", "/hf/api/models/a/new/revision/main"]);
  });

  it("that names the same page again and again is no Hub", async () => {
    const url = await serve((request, response) => {
      response.writeHead(200, { link: `<${request.url}>; rel="next"` }).end(JSON.stringify([FILE]));
    });
    expect(await codeOf(resolve("hf://a/b", { include: ["none"] }, url))).toBe("model.sourceUnavailable");
    expect(requests).toHaveLength(2);
  });

  it("that names ever new pages is refused for what it lists, wanted or not", async () => {
    const page = JSON.stringify(
      Array.from({ length: 70_000 }, (_, index) => ({ type: "directory", path: `${index}` })),
    );
    const url = await serve((_, response) => {
      response.writeHead(200, { link: `</tree?page=${requests.length}>; rel="next"` }).end(page);
    });
    expect(await codeOf(resolve("hf://a/b", {}, url))).toBe("model.manifestRefused");
  });

  it("that takes too long over all of its pages is given up", async () => {
    const url = await serve((_, response) => {
      response.writeHead(200, { link: `</tree?page=${requests.length}>; rel="next"` }).end("[]");
    });
    const clock = { ...systemClock, monotonicMs: () => requests.length * 50_000 };
    const client = new HubClient({ endpoint: url, readToken: () => null, clock });
    const reference = { type: "huggingFace", repository: "a/b", revision: "main" } as const;
    expect(await codeOf(resolveModel(client, reference, { include: [], exclude: [] }))).toBe("model.sourceUnavailable");
    expect(requests.length).toBeLessThan(6);
  });

  it("gives nodes an address that is whole, or says how long to wait", async () => {
    const url = await serve((request, response) => {
      if (request.url?.endsWith("busy")) response.writeHead(429, { "retry-after": "240" }).end();
      else response.writeHead(302, { location: "//cdn.test/x?s=1" }).end();
    });
    const client = new HubClient({ endpoint: url, readToken: () => null, clock: systemClock });
    const known = { repository: "a/b", commit: COMMIT, fileCount: 2, files: () => [], hasFile: () => true };
    const ask = (path: string) =>
      answerModelQuery(
        client,
        {
          type: "modelQuery",
          requestId: 1,
          revisionId: "c".repeat(32) as RevisionId,
          query: { about: "file", path },
        },
        known,
      );
    expect(await ask("a")).toEqual({ is: "address", url: "http://cdn.test/x?s=1" });
    expect(await ask("busy")).toMatchObject({ code: "rateLimited", retryAfterMs: 240_000 });
  });

  it("is shown no token that is none, and nobody is told what it was", async () => {
    const url = await serve((_, response) => response.end("[]"));
    token = "hf_abc\nX-Other: 1";
    const error = await resolve("hf://a/b", {}, url).then(() => null, String);
    expect(error).toContain("token is none");
    expect(error).not.toContain("hf_abc");
    expect(requests).toEqual([]);
  });
});
