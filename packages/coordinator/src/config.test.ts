import { describe, expect, test } from "vitest";
import { parseListenAddress, readInvocation } from "./config.ts";

describe("the listen address", () => {
  test.each([
    ["127.0.0.1:7070", "127.0.0.1", 7070],
    ["[::1]:80", "::1", 80],
    ["localhost:0", "localhost", 0],
    ["127.8.9.1:1", "127.8.9.1", 1],
  ])("%s is taken", (text, host, port) => {
    expect(parseListenAddress(text)).toEqual({ host, port });
  });

  test.each(["0.0.0.0:7070", "[::]:7070", "192.168.1.5:7070", "gpu-01:7070", "127.0.0.1.evil.example:1"])(
    "%s is refused, because there is no authentication yet",
    (text) => {
      expect(() => parseListenAddress(text)).toThrowError(expect.objectContaining({ code: "listen.notLoopback" }));
    },
  );

  test.each(["7070", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", ":7070", ""])("%s is no address", (text) => {
    expect(() => parseListenAddress(text)).toThrowError(expect.objectContaining({ code: "listen.invalidAddress" }));
  });
});

function readConfig(argv: string[], isTerminal: boolean) {
  const invocation = readInvocation(argv, isTerminal);
  return invocation.command === "run" ? invocation.config : null;
}

describe("the options", () => {
  test("have defaults, all but the data directory", () => {
    expect(readConfig(["--data-dir", "/d"], false)).toEqual({
      host: "127.0.0.1",
      port: 7070,
      dataDir: "/d",
      log: "json",
      logLevel: "info",
      leaseMs: 300_000,
      heartbeatIntervalMs: 5_000,
      localTokenFile: null,
      hubEndpoint: "https://huggingface.co",
      hubToken: process.env["HF_TOKEN"] || null,
      hubTokenFile: null,
    });
  });

  test("take a mirror of the Hub, and no other kind of address", () => {
    const withHub = (url: string) => readConfig(["--data-dir", "/d", "--hf-endpoint", url], false)?.hubEndpoint;
    expect(withHub("https://mirror.lan/hf")).toBe("https://mirror.lan/hf");
    for (const url of ["mirror.lan", "ftp://mirror.lan", "https://user@mirror.lan"])
      expect(() => withHub(url)).toThrowError(expect.objectContaining({ code: "config.invalid" }));
  });

  test("are readable for people on a terminal", () => {
    expect(readConfig(["--data-dir", "/d"], true)?.log).toBe("pretty");
  });

  test("must leave room for a late packet between heartbeat and lease", () => {
    expect(() => readConfig(["--data-dir", "/d", "--lease", "10s", "--heartbeat", "5s"], false)).toThrowError(
      expect.objectContaining({ code: "config.invalid" }),
    );
  });
});

describe("the commands", () => {
  test.each([["backup"], ["restore"]] as const)(
    "%s takes a file, and the data directory before or after it",
    (command) => {
      const expected = { command, dataDir: "/d", file: "f.db", json: false };
      expect(readInvocation([command, "f.db", "--data-dir", "/d"], false)).toEqual(expected);
      expect(readInvocation(["--data-dir", "/d", command, "f.db"], false)).toEqual(expected);
      expect(readInvocation([command, "--json", "--data-dir", "/d", "f.db"], false)).toEqual({
        ...expected,
        json: true,
      });
    },
  );
});
