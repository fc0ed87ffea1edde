import { assertNever } from "../assert.ts";
import { matchesWildcard } from "./wildcard.ts";
import { parseBytes } from "../units.ts";

/** What may be asked of a node. */
const FIELDS = {
  name: "text",
  site: "text",
  memory: "bytes",
  "gpu.model": "text",
  "gpu.memory": "bytes",
  "gpu.count": "number",
} as const;
export type SelectorField = keyof typeof FIELDS;

export interface SelectorTerm {
  field: SelectorField;
  operator: "=" | "!=" | ">=" | "<=" | ">" | "<";
  value: string | number;
}

/** All of these hold. */
export type NodeSelector = readonly SelectorTerm[];

/** What of a node a selector looks at; of several GPUs the largest, and the models of all. */
export interface SelectableNode {
  names: readonly string[];
  site: string | null;
  memoryBytes: number;
  gpuModels: readonly string[];
  gpuMemoryBytes: number;
  gpuCount: number;
}

export const SELECTOR_RULE =
  "write a node's name (gpu-01, or gpu-*), or conditions such as 'gpu.memory >= 40GiB and site = berlin' over name, site, memory, gpu.model, gpu.memory and gpu.count";

/** `null` where it is neither a name nor conditions. */
export function parseNodeSelector(text: string): NodeSelector | null {
  const terms = text.split(/\s+and\s+/i).map(parseTerm);
  return terms.every((term) => term !== null) ? terms : null;
}

function parseTerm(text: string): SelectorTerm | null {
  const trimmed = text.trim();
  if (/^[\w.*?-]+$/.test(trimmed)) return { field: "name", operator: "=", value: trimmed };
  const [, field = "", operator = "", value = ""] = /^([a-z.]+)\s*(>=|<=|!=|=|>|<)\s*(\S+)$/.exec(trimmed) ?? [];
  if (!Object.hasOwn(FIELDS, field)) return null;
  const known = field as SelectorField;
  const term = { field: known, operator: operator as SelectorTerm["operator"] };
  if (FIELDS[known] === "text") return operator === "=" || operator === "!=" ? { ...term, value } : null;
  const amount = FIELDS[known] === "bytes" ? parseBytes(value) : Number(value);
  return amount === null || !Number.isFinite(amount) ? null : { ...term, value: amount };
}

export function selects(selector: NodeSelector, node: SelectableNode): boolean {
  return selector.every(({ field, operator, value }) => {
    if (typeof value === "string") {
      const isOne = textsOf(node, field).some((text) => matchesWildcard(value.toLowerCase(), text.toLowerCase()));
      return isOne === (operator === "=");
    }
    return compare(amountOf(node, field), operator, value);
  });
}

function textsOf(node: SelectableNode, field: SelectorField): readonly string[] {
  if (field === "name") return node.names;
  if (field === "site") return node.site === null ? [] : [node.site];
  return node.gpuModels;
}

function amountOf(node: SelectableNode, field: SelectorField): number {
  if (field === "memory") return node.memoryBytes;
  return field === "gpu.memory" ? node.gpuMemoryBytes : node.gpuCount;
}

function compare(amount: number, operator: SelectorTerm["operator"], value: number): boolean {
  switch (operator) {
    case "=":
      return amount === value;
    case "!=":
      return amount !== value;
    case ">=":
      return amount >= value;
    case "<=":
      return amount <= value;
    case ">":
      return amount > value;
    case "<":
      return amount < value;
    default:
      return assertNever(operator);
  }
}
