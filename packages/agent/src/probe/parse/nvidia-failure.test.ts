import { describe, expect, test } from "vitest";
import { problemsOf } from "./nvidia-failure.ts";

const GOOD = { exitCode: 0, timedOut: false, stdout: "0, GPU-1, NVIDIA H100 80GB HBM3\n", stderr: "" };

describe("a run of nvidia-smi", () => {
  test("that ended well has no problems, whatever its lines say", () => {
    expect(problemsOf({ ...GOOD, stdout: "0, GPU-1, [GPU is lost]\n" })).toEqual([]);
  });

  test("of a program that is not there, or that does not answer, says so", () => {
    expect(problemsOf(null)).toMatchObject([{ failure: "toolMissing" }]);
    expect(problemsOf({ ...GOOD, exitCode: null, timedOut: true })).toMatchObject([{ failure: "toolHangs" }]);
  });

  test("with a corrupt infoROM has both: its lines, and the problem of one GPU", () => {
    const stdout = `${GOOD.stdout}WARNING: infoROM is corrupted at gpu 0000:0B:00.0\n`;
    expect(problemsOf({ ...GOOD, exitCode: 14, stdout })).toEqual([
      {
        failure: "infoRomCorrupted",
        evidence: "WARNING: infoROM is corrupted at gpu 0000:0B:00.0",
        pciAddress: "0000:0b:00",
        field: null,
      },
    ]);
  });

  test("that tells of several GPUs names each, once, also where both streams say it", () => {
    const said = ["02", "0B"].map(
      (bus) => `Unable to determine the device handle for GPU0000:${bus}:00.0: Unknown Error`,
    );
    const run = { exitCode: 255, timedOut: false, stdout: `${said.join("\n")}\n`, stderr: `${said[0]}\n` };
    expect(problemsOf(run).map(({ pciAddress }) => pciAddress)).toEqual(["0000:02:00", "0000:0b:00"]);
  });

  test("that does not know a field names it", () => {
    const stdout = 'Field "cuda_version" is not a valid field to query.\n\n';
    expect(problemsOf({ ...GOOD, exitCode: 2, stdout })).toMatchObject([
      { failure: "unknownField", field: "cuda_version" },
    ]);
  });

  test.for([
    [4, "noPermission"],
    [6, "noDevices"],
    [9, "driverNotLoaded"],
    [12, "driverNotLoaded"],
    [15, "gpuLost"],
    [18, "driverMismatch"],
    [99, "other"],
  ] as const)("that ends with %s and says nothing that we know is %s", ([exitCode, failure]) => {
    const run = { exitCode, timedOut: false, stdout: "", stderr: "Etwas ging schief\n" };
    expect(problemsOf(run)).toMatchObject([{ failure, evidence: "Etwas ging schief" }]);
  });
});
