import { parseSync } from "oxc-parser";

export interface Import {
  specifier: string;
  /** `import type` only: `import { type X }` still loads the module when Node strips the types. */
  typeOnly: boolean;
  line: number;
}

export interface GlobalUse {
  name: string;
  line: number;
}

export interface Source {
  imports: Import[];
  /** Uses of what makes a function give different answers to the same arguments, or later ones. */
  impurities: GlobalUse[];
}

/** Reading them, even as a type, shows that a file does more than turn data into data. */
const IMPURE_GLOBALS: ReadonlySet<string> = new Set([
  "AbortController",
  "Promise",
  "WebSocket",
  "clearInterval",
  "clearTimeout",
  "console",
  "crypto",
  "fetch",
  "globalThis",
  "performance",
  "process",
  "queueMicrotask",
  "require",
  "setImmediate",
  "setInterval",
  "setTimeout",
]);

interface AstNode {
  type: string;
  start: number;
  [key: string]: unknown;
}

function isNode(value: unknown): value is AstNode {
  return typeof value === "object" && value !== null && typeof (value as AstNode).type === "string";
}

/** Parses one file of TypeScript or JavaScript; throws where it is neither. */
export function readSource(path: string, text: string): Source {
  const parsed = parseSync(path, text);
  if (parsed.errors.length > 0) throw new Error(`${path}: ${parsed.errors[0]?.message}`);
  const source: Source = { imports: [], impurities: [] };
  const lineOf = (offset: number): number => text.slice(0, offset).split("\n").length;

  function visit(node: AstNode, parent: AstNode | null): void {
    const found = importOf(node);
    if (found) source.imports.push({ ...found, line: lineOf(node.start) });
    const impurity = impurityOf(node, parent);
    if (impurity !== null) source.impurities.push({ name: impurity, line: lineOf(node.start) });
    for (const value of Object.values(node)) {
      for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) visit(child, node);
    }
  }
  visit(parsed.program as unknown as AstNode, null);
  return source;
}

function importOf(node: AstNode): Omit<Import, "line"> | null {
  switch (node.type) {
    case "ImportDeclaration":
      return { specifier: literalOf(node["source"]), typeOnly: node["importKind"] === "type" };
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration":
      return isNode(node["source"])
        ? { specifier: literalOf(node["source"]), typeOnly: node["exportKind"] === "type" }
        : null;
    case "ImportExpression":
      return { specifier: literalOf(node["source"]), typeOnly: false };
    case "TSImportType":
      return { specifier: literalOf(node["source"] ?? node["argument"]), typeOnly: true };
    default:
      return null;
  }
}

/** What is not a literal cannot be checked, so no row allows it. */
function literalOf(node: unknown): string {
  if (isNode(node) && node.type === "TSLiteralType") return literalOf(node["literal"]);
  return isNode(node) && typeof node["value"] === "string" ? node["value"] : "(computed at run time)";
}

function impurityOf(node: AstNode, parent: AstNode | null): string | null {
  if (node["async"] === true) return "async";
  if (node.type === "AwaitExpression") return "await";
  if (node.type === "ForOfStatement" && node["await"] === true) return "for await";
  if (node.type === "ImportExpression") return "import()";
  if (node.type === "MetaProperty") return "import.meta";
  if (node.type === "NewExpression" || node.type === "CallExpression") return currentDate(node);
  if (node.type === "MemberExpression") return clockOrChance(node);
  if (node.type !== "Identifier" || isOnlyAName(node, parent)) return null;
  const name = String(node["name"]);
  return IMPURE_GLOBALS.has(name) ? name : null;
}

/** `new Date(ms)` is a way to write a time; `new Date()` asks for it. */
function currentDate(node: AstNode): string | null {
  const callee = node["callee"];
  const isDate = isNode(callee) && callee.type === "Identifier" && callee["name"] === "Date";
  const withoutArguments = Array.isArray(node["arguments"]) && node["arguments"].length === 0;
  return isDate && (withoutArguments || node.type === "CallExpression") ? "the current Date" : null;
}

function clockOrChance(node: AstNode): string | null {
  const { object, property } = node;
  if (!isNode(object) || !isNode(property)) return null;
  const name = `${String(object["name"])}.${String(property["name"] ?? property["value"])}`;
  return name === "Date.now" || name === "Math.random" ? name : null;
}

/** `x.process`, `{ process: 1 }`, `interface X { process: … }`: a name of ours, not the global. */
function isOnlyAName(node: AstNode, parent: AstNode | null): boolean {
  if (!parent) return false;
  if (parent.type === "MemberExpression") return parent["property"] === node && parent["computed"] !== true;
  if (parent.type === "TSQualifiedName") return parent["right"] === node;
  const named = ["Property", "PropertyDefinition", "MethodDefinition", "TSPropertySignature", "TSMethodSignature"];
  return named.includes(parent.type) && parent["key"] === node && parent["shorthand"] !== true;
}
