/** What a parser made of a tool's text. A parser never throws: what it cannot read is a warning or a `null`. */
export interface Reading<T> {
  value: T;
  /** One line each, for an operator. */
  warnings: string[];
}

/** More than any tool prints about a real machine; what lies beyond is dropped, so that garbage costs little. */
const MAX_CHARACTERS = 1024 * 1024;
const MAX_LINES = 4096;
const MAX_WARNINGS = 20;
const MAX_EXCERPT_CHARACTERS = 200;

// oxlint-disable-next-line no-control-regex -- nvidia-smi underlines its headings even into a pipe.
const ANSI_STYLE = /\u001b\[[0-9;]{0,16}m/g;
// oxlint-disable-next-line no-control-regex -- what must not reach a terminal or a log line as it is.
const CONTROL_CHARACTERS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** The lines without their ends, without styles and control characters; tabs stay. */
export function linesOf(text: string): string[] {
  return text
    .slice(0, MAX_CHARACTERS)
    .replaceAll(ANSI_STYLE, "")
    .split("\n", MAX_LINES)
    .map((line) => line.replaceAll(CONTROL_CHARACTERS, "").trimEnd());
}

/** A line of a tool as it may stand in a warning or as evidence. */
export function excerptOf(line: string): string {
  const text = line.replaceAll(CONTROL_CHARACTERS, "").trim();
  return text.length <= MAX_EXCERPT_CHARACTERS ? text : `${text.slice(0, MAX_EXCERPT_CHARACTERS - 1)}…`;
}

/** A text of a tool that becomes a name of ours: short, in one line, `null` where nothing is left. */
export function nameOf(text: string | null | undefined): string | null {
  const name = excerptOf(text ?? "").replaceAll(/\s+/g, " ");
  return name === "" ? null : name;
}

/** Adds a warning unless there are too many already: garbage of a megabyte is not worth ten thousand lines. */
export function warn(warnings: string[], warning: string): void {
  if (warnings.length < MAX_WARNINGS) warnings.push(excerptOf(warning));
}
