/** The bits of `clocks_event_reasons.active`: nvmlClocksEventReasons in nvml.h. */
const REASONS: readonly (readonly [bit: number, reason: string])[] = [
  [0x1, "idle"],
  [0x2, "applicationClocks"],
  [0x4, "softwarePowerCap"],
  [0x8, "hardwareSlowdown"],
  [0x10, "syncBoost"],
  [0x20, "softwareThermal"],
  [0x40, "hardwareThermal"],
  [0x80, "powerBrake"],
  [0x100, "displayClocks"],
];

/** `0x0000000000000024` → `softwarePowerCap`, `softwareThermal`. An idle GPU runs slowly on purpose: no reason. */
export function throttleReasonsOf(cell: string | undefined): string[] {
  const digits = /^0x([0-9a-f]{1,16})$/i.exec(cell?.trim() ?? "")?.[1];
  // All known bits lie in the last three digits.
  const mask = Number.parseInt((digits ?? "0").slice(-3), 16);
  return REASONS.filter(([bit, reason]) => (mask & bit) !== 0 && reason !== "idle").map(([, reason]) => reason);
}
