import { describe, expect, test } from "vitest";
import { readMachineId } from "./identity.ts";

const DMI = "/sys/class/dmi/id/product_uuid";
const ETC = "/etc/machine-id";
const UUID = "4c4c4544-0042-3510-8051-b4c04f4e3732";
const HEX = "9f1c3a7be4d24c6f8a5d0e1b2c3d4e5f";

function machineIdOf(files: Readonly<Record<string, string>>): string | null {
  return readMachineId((path) => files[path] ?? null);
}

describe("which machine it is", () => {
  test.for([
    ["what the firmware says", { [DMI]: `${UUID.toUpperCase()}\n`, [ETC]: `${HEX}\n` }, UUID],
    ["what the disk says, where the firmware's is not for us to read", { [ETC]: `${HEX}\n` }, HEX],
    ["what the disk says, where the firmware's is all ones", { [DMI]: UUID.replaceAll(/\w/g, "F"), [ETC]: HEX }, HEX],
    [
      "what the disk says, where the firmware's is what every board of its kind has",
      { [DMI]: "03000200-0400-0500-0006-000700080009", [ETC]: HEX },
      HEX,
    ],
    ["nothing, where the image was never started", { [ETC]: "uninitialized\n" }, null],
    ["nothing, where the files are empty", { [DMI]: "\n", [ETC]: "" }, null],
    ["nothing, where there are none", {}, null],
  ] as const)("is %s", ([, files, machineId]) => {
    expect(machineIdOf(files)).toBe(machineId);
  });
});
