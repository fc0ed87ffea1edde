import { systemClock } from "@drover/shared/clock.ts";
import { describe, expect, test } from "vitest";
import { aTool } from "../testing/a-tool.ts";
import { readBasicHardware } from "./hardware.ts";
import { probeHardware } from "./probe.ts";

const HARDWARE = { ...readBasicHardware(), os: "as the probe said" };

describe("the probe in its own process", () => {
  test("is believed when it printed everything, even if it never ends", async () => {
    const program = aTool([{ when: "", stdout: JSON.stringify(HARDWARE), hangs: true, ignoresSigterm: true }]).path;
    expect(await probeHardware([program], systemClock, 1_500)).toEqual(HARDWARE);
  });

  test.for([
    [{ when: "", hangs: true }, "no answer in time"],
    [{ when: "", stdout: "{}" }, "its answer makes no sense"],
    [{ when: "", stderr: "Error: out of memory\n", exitCode: 1 }, "Error: out of memory"],
  ] as const)("that fails leaves what Node knows, and a warning: %j", async ([replay, reason]) => {
    const hardware = await probeHardware([aTool([replay]).path], systemClock, 1_500);
    expect(hardware.cpu.cores).toBeGreaterThan(0);
    expect(hardware.warnings).toEqual([expect.stringContaining(reason)]);
  });

  test("that is not there leaves what Node knows", async () => {
    expect((await probeHardware(["/no/such/probe"], systemClock)).warnings).toHaveLength(1);
  });
});
