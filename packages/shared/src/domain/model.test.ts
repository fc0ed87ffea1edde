import { describe, expect, it, test } from "vitest";
import { checkPaths, modelVariable, parseModelReference } from "./model.ts";
import { matchesWildcard } from "./wildcard.ts";

describe("a reference to a model", () => {
  it("names a repository of the Hub, and a revision or main", () => {
    const repository = "meta-llama/Llama-3.1-8B-Instruct";
    expect(parseModelReference(`hf://${repository}`)).toEqual({ type: "huggingFace", repository, revision: "main" });
    expect(parseModelReference(`hf://${repository}@refs/pr/1`)?.revision).toBe("refs/pr/1");
    expect(parseModelReference("hf://gpt2@v1.0")).toEqual({
      type: "huggingFace",
      repository: "gpt2",
      revision: "v1.0",
    });
  });

  test.each([
    "meta-llama/Llama-3.1-8B",
    "hf://",
    "hf://a/b/c",
    "hf://../etc/passwd",
    "hf://a/..",
    "hf://a/b@",
    "hf://a/b@../../c",
    "hf://a/b?x=1",
    "ftp://a/b",
  ])("is not %s", (text) => {
    expect(parseModelReference(text)).toBeNull();
  });
});

describe("the paths of a model's files", () => {
  it("may be of any depth, and differ in case only", () => {
    expect(checkPaths(["config.json", "Config.json", "a/b/c.safetensors", "a/b/..c", "模型.bin"])).toBeNull();
  });

  test.each([
    ["../../etc/passwd", "leads out"],
    ["a/../b", "leads out"],
    ["/etc/passwd", "leads out"],
    ["a//b", "leads out"],
    ["a/", "leads out"],
    ["", "leads out"],
    [".", "leads out"],
    ["a\\..\\b", "backslash"],
    ["a\0b", "control"],
    ["a\nb", "control"],
    ["a\ud800.bin", "half a character"],
    [`${"é".repeat(150)}.bin`, "longer than 255"],
    [`${"a/".repeat(600)}b`, "longer than 1024"],
  ])("may not be %j", (path, why) => {
    expect(checkPaths(["fine.txt", path])).toContain(why);
  });

  it("hide no file behind another", () => {
    expect(checkPaths(["a", "a"])).toContain("twice");
    expect(checkPaths(["a/b", "a"])).toContain("file and a directory");
  });
});

test("the variable of a model is a name that shells take", () => {
  expect(modelVariable("llama3.1-8b_q4")).toBe("DROVER_MODEL_LLAMA3_1_8B_Q4");
});

describe("a pattern of paths", () => {
  test.each([
    ["*.safetensors", "model-00001-of-00002.safetensors", true],
    ["*.safetensors", "nested/model.safetensors", true],
    ["*.safetensors", "model.safetensors.index.json", false],
    ["model-?????-of-*", "model-00001-of-00002.bin", true],
    ["config.json", "config.json", true],
    ["config.json", "xconfig.json", false],
    ["[ab].json", "[ab].json", true],
    ["*", "", true],
    ["?", "", false],
  ])("%j takes %j: %s", (pattern, path, takes) => {
    expect(matchesWildcard(pattern, path)).toBe(takes);
  });

  it("is tried in time that does not grow with what might have been", () => {
    expect(matchesWildcard(`${"*a".repeat(100)}b`, "a".repeat(1000))).toBe(false);
  });
});
