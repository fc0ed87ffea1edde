import { readProbeFixtures, type ProbeFixture } from "./probe-fixtures.ts";

export interface FuzzOptions {
  count: number;
  /** The same seed makes the same inputs. */
  seed: number;
  /** For the slowest input; a parser that hangs is one whose time explodes with what it reads. */
  nowMs: () => number;
}

export interface FuzzResult {
  count: number;
  slowestMs: number;
  /** What a parser threw, or the absurd value that it made; with what is needed to make it again. */
  failures: { file: string; input: string; problem: string }[];
}

const MAX_FAILURES = 10;

/** Damages real outputs in many ways and reads them: no parser may throw, hang or believe what cannot be. */
export function fuzzProbe({ count, seed, nowMs }: FuzzOptions): FuzzResult {
  const fixtures = readProbeFixtures();
  const random = randomFrom(seed);
  const result: FuzzResult = { count, slowestMs: 0, failures: [] };
  for (let i = 0; i < count && result.failures.length < MAX_FAILURES; i++) {
    const fixture = pick(random, fixtures);
    const input = mutate(random, fixture.text, fixtures);
    // Each parser also meets what another one is for.
    const { parse } = random(8) === 0 ? pick(random, fixtures) : fixture;
    const startedAtMs = nowMs();
    const problem = problemWith(() => parse(input));
    result.slowestMs = Math.max(result.slowestMs, nowMs() - startedAtMs);
    if (problem !== null) result.failures.push({ file: fixture.file, input, problem });
  }
  return result;
}

function problemWith(parse: () => unknown): string | null {
  try {
    return absurdityIn(parse(), "");
  } catch (error) {
    return `threw ${String(error)}`;
  }
}

/** `null` where every value could be true of some machine. */
export function absurdityIn(value: unknown, path: string): string | null {
  if (value === undefined) return `${path} is undefined`;
  if (typeof value === "string") return stringAbsurdity(value, path);
  if (typeof value === "number") return numberAbsurdity(value, path);
  if (typeof value !== "object" || value === null) return null;
  const entries = Object.entries(value);
  if (entries.length > 5000) return `${path} has ${entries.length} entries`;
  for (const [key, member] of entries) {
    const problem = absurdityIn(member, `${path}/${key}`) ?? stringAbsurdity(key, `${path} (key)`);
    if (problem !== null) return problem;
  }
  return null;
}

function stringAbsurdity(text: string, path: string): string | null {
  if (text.length > 400) return `${path} is ${text.length} characters long`;
  // oxlint-disable-next-line no-control-regex -- what would do something to a terminal.
  return /[\u0000-\u0008\u000a-\u001f\u007f]/.test(text) ? `${path} holds a control character` : null;
}

const MAXIMA: readonly (readonly [RegExp, number])[] = [
  [/Percent$/, 100],
  [/Celsius$/, 300],
  [/Watts$/, 100_000],
  [/Mhz$/, 100_000],
  [/\/(gpuIndex|index|device|numaNode)$/, 4096],
  [/\/pid$/, 2 ** 32],
  [/Bytes$/, 2 ** 50],
];

function numberAbsurdity(number: number, path: string): string | null {
  if (!Number.isFinite(number) || number < 0 || number > Number.MAX_SAFE_INTEGER) return `${path} is ${number}`;
  if (!path.endsWith("Watts") && !Number.isInteger(number)) return `${path} is no whole number: ${number}`;
  const maximum = MAXIMA.find(([pattern]) => pattern.test(path))?.[1] ?? Number.MAX_SAFE_INTEGER;
  return number > maximum ? `${path} is ${number}` : null;
}

/** Whole numbers in [0, limit): mulberry32. */
type Random = (limit: number) => number;

function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return Math.floor((((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random(items.length)] as T;
}

/** What tools have said in place of a value, and what would break a careless reader. */
const WORDS = [
  "[N/A]",
  "[GPU is lost]",
  "[Unknown Error]",
  "ERR!",
  "-1",
  "1e309",
  "NaN",
  "99999999999999999999999999",
  "0x",
  "18446744073709551615",
  "\u0000",
  "\u001b[2J",
  ", ",
  "\t",
  "GPU-",
  "MIG ",
  "(UUID: ",
  "|",
  "{",
  "[",
  '"',
  "NVRM: Xid (PCI:",
  "°é✓",
  "__proto__",
];

type Mutation = (random: Random, text: string, fixtures: readonly ProbeFixture[]) => string;

const MUTATIONS: readonly Mutation[] = [
  (random, text) => replaced(text, random(text.length), 1, String.fromCharCode(random(256))),
  (random, text) => replaced(text, random(text.length), random(40), ""),
  (random, text) => replaced(text, random(text.length), 0, pick(random, WORDS)),
  (random, text) => replaced(text, random(text.length), random(12), pick(random, WORDS)),
  (random, text) => text.slice(0, random(text.length)),
  (random, text) => text.slice(random(text.length)),
  (random, text) => repeatedPart(random, text),
  (random, text) => swappedLines(random, text),
  (random, text) => replacedDigits(random, text),
  (random, text, fixtures) => {
    const other = pick(random, fixtures).text;
    return text.slice(0, random(text.length)) + other.slice(random(other.length));
  },
];

function mutate(random: Random, text: string, fixtures: readonly ProbeFixture[]): string {
  let mutated = text;
  for (let n = 1 + random(4); n > 0; n--) mutated = pick(random, MUTATIONS)(random, mutated, fixtures);
  return mutated.slice(0, 100_000);
}

function replaced(text: string, at: number, length: number, by: string): string {
  return text.slice(0, at) + by + text.slice(at + length);
}

/** Long runs of the same are where a regular expression takes for ever. */
function repeatedPart(random: Random, text: string): string {
  const at = random(text.length);
  const part = text.slice(at, at + 1 + random(20));
  return replaced(text, at, 0, part.repeat(random(200)));
}

function swappedLines(random: Random, text: string): string {
  const lines = text.split("\n");
  const [a, b] = [random(lines.length), random(lines.length)];
  [lines[a], lines[b]] = [lines[b] ?? "", lines[a] ?? ""];
  return lines.join("\n");
}

function replacedDigits(random: Random, text: string): string {
  const numbers = [...text.matchAll(/\d+/g)];
  const number = numbers[random(numbers.length)];
  if (number === undefined) return text;
  return replaced(
    text,
    number.index,
    number[0].length,
    String(random(2) === 0 ? random(2 ** 31) * 4096 : -random(1000)),
  );
}
