import { describe, expect, test } from "vitest";
import { coordinatorHost, lookWords, parseConfig as parse, type AgentOptions } from "./config.ts";

const needed = { coordinator: "http://127.0.0.1:7070", dataDir: "/var/lib/drover-agent" };
const environment = { DROVER_SUPERVISOR: "/bin/true" };

/** By an agent of user 1000, on a machine that has no other. */
function parseConfig(options: AgentOptions, variables: Record<string, string>) {
  return parse(options, variables, { uid: 1000, readText: () => null });
}

describe("the agent's options", () => {
  test("have defaults for everything but where and with whom", () => {
    expect(parseConfig(needed, environment)).toMatchObject({
      coordinatorUrl: "http://127.0.0.1:7070",
      dataDir: "/var/lib/drover-agent",
      site: null,
      jobUser: null,
      cpuMilli: null,
      memoryBytes: null,
      logFormat: "json",
      logLevel: "info",
      supervisorProgram: "/bin/true",
    });
  });

  test("name the vendors' tools, and hand them to whoever looks at the machine, with all that he needs", () => {
    const config = parseConfig({ ...needed, nvidiaSmi: "/opt/nvidia-smi" }, environment);
    expect(config.tools).toMatchObject({ nvidiaSmi: "/opt/nvidia-smi", amdSmi: "amd-smi" });
    expect(lookWords(config).join(" ")).toBe(
      "--coordinator http://127.0.0.1:7070 --data-dir /var/lib/drover-agent --nvidia-smi /opt/nvidia-smi --amd-smi amd-smi --rocm-smi rocm-smi --xpu-smi xpu-smi --foreign-gpu-use leave-out",
    );
  });

  test.for([
    ["http://10.0.0.5:7070", "10.0.0.5"],
    ["wss://[2001:db8::1]:7070", "2001:db8::1"],
    ["https://drover.example", "drover.example"],
    ["http://127.0.0.1:7070", null],
    ["http://[::1]:7070", null],
    ["nonsense", null],
  ] as const)("name the host %s as %s to find our own address by", ([url, host]) => {
    expect(coordinatorHost(url)).toBe(host);
  });

  test("take people's units", () => {
    expect(parseConfig({ ...needed, cpus: "1.5", memory: "48GiB" }, environment)).toMatchObject({
      cpuMilli: 1500,
      memoryBytes: 48 * 1024 ** 3,
    });
    expect(parseConfig({ ...needed, memory: "1000" }, environment)).toMatchObject({ memoryBytes: 1000 });
  });

  test.for([
    [{ dataDir: "/x" }, "--coordinator"],
    [{ coordinator: "http://h:1" }, "--data-dir"],
    [{ ...needed, coordinator: "localhost" }, "no address"],
    [{ ...needed, coordinator: "ftp://h" }, "no address"],
    [{ ...needed, cpus: "many" }, "--cpus"],
    [{ ...needed, cpus: "0" }, "--cpus"],
    [{ ...needed, memory: "lots" }, "--memory"],
    [{ ...needed, memory: "64G" }, "--memory"],
    [{ ...needed, foreignGpuUse: "steal" }, "--foreign-gpu-use"],
    [{ ...needed, log: "xml" }, "--log"],
    [{ ...needed, logLevel: "loud" }, "--log-level"],
    [{ ...needed, name: "n".repeat(201) }, "--name"],
    [{ ...needed, site: "the cellar" }, "--site"],
    [{ ...needed, site: "s".repeat(64) }, "--site"],
  ] as const)("%j is refused and named", ([options, named]) => {
    expect(() => parseConfig(options, environment)).toThrow(
      expect.objectContaining({ code: "config.invalid", message: expect.stringContaining(named) }),
    );
  });

  test("name the site, or none", () => {
    expect(parseConfig({ ...needed, site: "berlin/cellar-2" }, environment).site).toBe("berlin/cellar-2");
    expect(parseConfig({ ...needed, site: "" }, environment).site).toBeNull();
  });

  test("name a supervisor program that is not there", () => {
    expect(() => parseConfig(needed, { DROVER_SUPERVISOR: "/no/such" })).toThrow(
      expect.objectContaining({ code: "agent.supervisorMissing" }),
    );
  });
});
