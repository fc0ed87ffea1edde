// Plays a vendor's tool: node replay-tool.mjs SCENARIO.json ARGUMENTS…
// The scenario is a list; the first entry whose `when` matches the arguments says what happens (see replayed-tool.ts).
import { appendFileSync, readFileSync } from "node:fs";

const [scenarioFile = "", ...words] = process.argv.slice(2);
const asked = words.join(" ");
appendFileSync(`${scenarioFile}.log`, `${asked}\n`);
const entry = planned();

if (entry === undefined) {
  process.stderr.write(`replay-tool: nothing is planned for ${asked}\n`);
  process.exit(99);
}
if (entry.ignoresSigterm) process.on("SIGTERM", () => {});

function planned() {
  return JSON.parse(readFileSync(scenarioFile, "utf8")).find(({ when }) => new RegExp(when).test(asked));
}

function textOf(entry) {
  return entry.csv === undefined ? plainTextOf(entry) : answerFrom(entry.csv);
}

function plainTextOf(entry) {
  return (entry.stdout ?? "") + (entry.file === undefined ? "" : readFileSync(entry.file, "utf8"));
}

/** Of a capture of all fields those that are asked for, as nvidia-smi does it: with or without heading and units. */
function answerFrom(csv) {
  const [heading, ...lines] = csv.trim().split("\n");
  const columns = heading.split(", ").map((title) => title.split(" [")[0]);
  const fields = /--query-gpu=(\S+)/.exec(asked)[1].split(",");
  const unknown = fields.find((field) => !columns.includes(field));
  if (unknown !== undefined) {
    entry.exitCode = 2;
    return `Field "${unknown}" is not a valid field to query.\n\n`;
  }
  const only = /-i (\S+)/.exec(asked)?.[1];
  const rows = lines.map((line) => line.split(", ")).filter((cells) => only === undefined || isGpu(cells, only));
  const answer = rows.map((cells) => fields.map((field) => withoutUnit(cells[columns.indexOf(field)])).join(", "));
  if (!asked.includes("noheader")) answer.unshift(fields.join(", "));
  return answer.map((line) => `${line}\n`).join("");

  function isGpu(cells, id) {
    const [index, uuid, address] = ["index", "uuid", "pci.bus_id"].map((field) => cells[columns.indexOf(field)]);
    return id === index || id === uuid || address.toLowerCase().endsWith(id);
  }
}

function withoutUnit(cell) {
  return asked.includes("nounits") ? cell.replace(/^([0-9.]+) (MiB|W|%|MHz|us)$/, "$1") : cell;
}

const text = textOf(entry);

function say(said = text) {
  process.stdout.write(said);
  process.stderr.write(entry.stderr ?? "");
}

if (entry.hangs) {
  say();
  setInterval(() => {}, 60_000);
} else if (entry.everyMs !== undefined && !entry.exitCode) {
  say();
  let rounds = 1;
  const timer = setInterval(() => {
    if (rounds++ === entry.rounds) clearInterval(timer);
    else say(textOf(planned()));
  }, entry.everyMs);
} else {
  setTimeout(() => {
    say();
    process.exitCode = entry.exitCode ?? 0;
  }, entry.delayMs ?? 0);
}
