import { describe, expect, test } from "vitest";
import { parseListenAddress, readInvocation } from "./config.ts";

describe("the listen address", () => {
  test.each([
    ["127.0.0.1:7070", "127.0.0.1", 7070],
    ["[::1]:80", "::1", 80],
    ["localhost:0", "localhost", 0],
    ["127.8.9.1:1", "127.8.9.1", 1],
    ["0.0.0.0:7070", "0.0.0.0", 7070],
    ["gpu-01:7070", "gpu-01", 7070],
  ])("%s is taken", (text, host, port) => {
    expect(parseListenAddress(text)).toEqual({ host, port });
  });

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
      artifactsDir: null,
      names: [],
      trustedProxies: [],
      tls: { type: "none" },
    });
  });

  test("take a mirror of the Hub, and no other kind of address", () => {
    const withHub = (url: string) => readConfig(["--data-dir", "/d", "--hf-endpoint", url], false)?.hubEndpoint;
    expect(withHub("https://mirror.lan/hf")).toBe("https://mirror.lan/hf");
    for (const url of ["mirror.lan", "ftp://mirror.lan", "https://user@mirror.lan"])
      expect(() => withHub(url)).toThrowError(expect.objectContaining({ code: "config.invalid" }));
  });

  test("send no token for the Hub where others could read it", () => {
    const withToken = (url: string) =>
      readConfig(["--data-dir", "/d", "--hf-endpoint", url, "--hf-token-file", "/t"], false)?.hubEndpoint;
    for (const url of ["https://mirror.lan", "http://127.0.0.1:8080/hf", "http://[::1]:80", "http://localhost"])
      expect(withToken(url)).toBe(url);
    expect(() => withToken("http://mirror.lan")).toThrowError(
      expect.objectContaining({ code: "config.invalid", message: expect.stringContaining("must be https://") }),
    );
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

describe("TLS", () => {
  function tlsOf(...argv: string[]) {
    const config = readConfig(["--data-dir", "/d", ...argv], false);
    return config && { names: config.names, tls: config.tls.type };
  }
  const GIVEN = ["--tls-cert", "c", "--tls-key", "k"];

  test.each([
    ["loopback alone", [], [], "none"],
    ["an address that others reach", ["--listen", "10.0.0.5:1"], ["10.0.0.5"], "own"],
    [
      "a name beside it",
      ["--listen", "10.0.0.5:1", "--advertise", "C.example, c.example"],
      ["c.example", "10.0.0.5"],
      "own",
    ],
    ["all addresses, and a name", ["--listen", "0.0.0.0:1", "--advertise", "c.example"], ["c.example"], "own"],
    ["loopback that is known elsewhere", ["--advertise", "c.example"], ["c.example"], "own"],
    ["a certificate that is given", ["--listen", "0.0.0.0:1", ...GIVEN], [], "given"],
    ["a flag that says so", ["--listen", "10.0.0.5:1", "--insecure-plain-http"], ["10.0.0.5"], "none"],
    [
      "something on loopback in front of it",
      ["--advertise", "c.example", "--insecure-plain-http"],
      ["c.example"],
      "none",
    ],
    [
      "an address that only looks like loopback",
      ["--listen", "127.0.0.1.evil.example:1"],
      ["127.0.0.1.evil.example"],
      "own",
    ],
  ])("%s", (_case, argv, names, tls) => {
    expect(tlsOf(...argv)).toEqual({ names, tls });
  });

  test.each(["proxy.example", "10.0.0.0/33", "10.0.0.5,", "::1/129", "10.0.0.0/8/8", "uniquelocal"])(
    "take no %j for a proxy's address",
    (text) => {
      expect(() => tlsOf("--trusted-proxy", text)).toThrow(/is no address or network/);
      expect(tlsOf("--trusted-proxy", "10.0.0.5,fd00::/8")).toBeDefined();
    },
  );

  test.each([
    ["listen.nameMissing", ["--listen", "0.0.0.0:1"]],
    ["listen.nameMissing", ["--listen", "[::]:1", "--insecure-plain-http"]],
    ["config.invalid", ["--tls-cert", "c"]],
    ["config.invalid", [...GIVEN, "--insecure-plain-http"]],
  ])("%s: %j", (code, argv) => {
    expect(() => tlsOf(...argv)).toThrowError(expect.objectContaining({ code }));
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
