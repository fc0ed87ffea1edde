/**
 * One way to write a PCI address: `0000:83:00`. nvidia-smi says `00000000:83:00.0`, the kernel `PCI:0000:83:00`, and
 * old drivers leave out the domain. The function goes, because a GPU and its sound are one device to us.
 */
export function normalizePciAddress(text: string | null | undefined): string | null {
  const match = /^(?:PCI:|GPU\s?)?(?:([0-9a-f]{1,8}):)?([0-9a-f]{2}):([0-9a-f]{2})(?:\.[0-7])?$/i.exec(
    (text ?? "").trim(),
  );
  if (!match) return null;
  const [, domain = "0", bus, device] = match;
  const number = Number.parseInt(domain, 16);
  return `${number.toString(16).padStart(4, "0")}:${bus}:${device}`.toLowerCase();
}
