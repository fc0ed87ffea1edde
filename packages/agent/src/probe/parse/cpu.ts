/** How many CPUs a kernel's list names: `0-19,80-99` → 40. `null` where it is no such list. */
export function countCpuList(text: string | null | undefined): number | null {
  const list = (text ?? "").trim();
  if (!/^\d{1,6}(-\d{1,6})?(,\d{1,6}(-\d{1,6})?){0,4095}$/.test(list)) return null;
  let count = 0;
  for (const part of list.split(",")) {
    const [first = 0, last = first] = part.split("-").map(Number);
    if (last < first) return null;
    count += last - first + 1;
  }
  return count;
}

export interface CpuInfo {
  model: string | null;
  threads: number | null;
  sockets: number | null;
  physicalCores: number | null;
}

/** Reads /proc/cpuinfo: proc(5). Only x86 says which socket and core a processor belongs to. */
export function parseCpuInfo(text: string): CpuInfo {
  const sockets = new Set<string>();
  const cores = new Set<string>();
  let model: string | null = null;
  let threads = 0;
  let socket: string | null = null;
  for (const line of text.split("\n", 200_000)) {
    const [key, value] = line.split(":", 2).map((part) => part.trim());
    if (value === undefined) continue;
    if (key === "processor" && /^\d+$/.test(value)) threads++;
    else if (key === "model name") model ??= value.slice(0, 200) || null;
    else if (key === "physical id") sockets.add((socket = value));
    else if (key === "core id" && socket !== null) cores.add(`${socket}/${value}`);
  }
  return { model, threads: threads || null, sockets: sockets.size || null, physicalCores: cores.size || null };
}

/** Reads `Cpus_allowed_list:` of /proc/self/status: what the cpuset, and taskset, leave to this process. */
export function parseAllowedCpus(status: string): number | null {
  return countCpuList(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1]);
}
