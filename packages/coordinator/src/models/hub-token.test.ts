import { expect, test } from "vitest";
import { readHubToken } from "./hub-token.ts";

test("a token of the environment is read as one of a file is", () => {
  const read = (hubToken: string | null) => readHubToken({ hubToken, hubTokenFile: null });
  expect(read(null)).toBeNull();
  expect(read("hf_abc\n")).toBe("hf_abc");
  for (const hubToken of ["hf_abc\nX-Other: 1", "hf_\u200babc", "two words", " "])
    expect(() => read(hubToken)).toThrowError(
      expect.objectContaining({ code: "model.tokenRefused", message: "HF_TOKEN holds no token." }),
    );
});
