import { expect, test } from "vitest";
import { normalizePciAddress } from "./pci-address.ts";

test.for([
  ["00000000:83:00.0", "0000:83:00"],
  ["00008ED0:00:00.0", "8ed0:00:00"],
  ["PCI:0000:9b:00", "0000:9b:00"],
  ["GPU0000:07:00.0", "0000:07:00"],
  ["0B:00.0", "0000:0b:00"],
  ["00010000:C9:00.0", "10000:c9:00"],
  ["", null],
  ["[N/A]", null],
  ["0000:zz:00.0", null],
] as const)("%s is the address %s", ([text, address]) => {
  expect(normalizePciAddress(text)).toBe(address);
});
