import { z } from "zod";

const HeldBy = z.enum(["cgroup1", "cgroup2"]).nullable();

/** What holds an attempt to what it asked for; `null`: nothing does, and it may take more. */
export const Enforcement = z
  .object({
    /** No attempt gets more memory than it asked for: the kernel kills it before. */
    memory: HeldBy,
    /** Where CPUs are short each gets them in proportion to what it asked for. */
    cpu: HeldBy,
    /** An attempt with GPUs stays on the CPUs near them. */
    cpuset: HeldBy,
    /** Why something is not enforced. */
    reason: z.string().nullable(),
  })
  .meta({ id: "Enforcement" });
export type Enforcement = z.infer<typeof Enforcement>;

const KINDS = [
  ["memory", "memory"],
  ["cpu", "shares of CPUs"],
  ["cpuset", "CPUs near GPUs"],
] as const;

/** `memory, shares of CPUs (cgroup2); not CPUs near GPUs: the cpuset controller is not delegated`. */
export function describeEnforcement(enforcement: Enforcement): string {
  const held = KINDS.filter(([kind]) => enforcement[kind] !== null);
  const free = KINDS.filter(([kind]) => enforcement[kind] === null);
  const named = (kinds: typeof held) => kinds.map(([, name]) => name).join(", ");
  const by = [...new Set(held.map(([kind]) => enforcement[kind]))].join(", ");
  const parts = [
    ...(held.length === 0 ? [] : [`${named(held)} (${by})`]),
    ...(free.length === 0 ? [] : [`not ${named(free)}: ${enforcement.reason ?? "nothing is said of why"}`]),
  ];
  return parts.join("; ");
}
