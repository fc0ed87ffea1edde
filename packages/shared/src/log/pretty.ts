const LEVEL_NAMES: Readonly<Record<number, string>> = {
  10: "TRACE",
  20: "DEBUG",
  30: "INFO",
  40: "WARN",
  50: "ERROR",
  60: "FATAL",
};

/** Said by the place of the line, or of no use to the one who reads along. */
const NOT_FIELDS = new Set(["level", "time", "event", "msg", "pid", "hostname"]);

/**
 * One JSON log line for people: `12:03:44.120 INFO  attempt.started jobId=812 pid=4711`, in local time.
 * Text that is no JSON object is passed on as it is, so that nothing a daemon says gets lost.
 */
export function formatLogLine(jsonLine: string): string {
  const line = parseObject(jsonLine);
  if (line === null) return jsonLine;
  const level = LEVEL_NAMES[Number(line["level"])] ?? plain(line["level"] ?? "").toUpperCase();
  const name = line["event"] ?? line["msg"] ?? "";
  let text = `${formatTime(line["time"])} ${level.padEnd(5)} ${plain(name)}`;
  for (const [key, value] of Object.entries(line)) {
    if (!NOT_FIELDS.has(key)) text += ` ${key}=${plain(value)}`;
  }
  return `${text}\n`;
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

function formatTime(time: unknown): string {
  const date = new Date(typeof time === "number" || typeof time === "string" ? time : Number.NaN);
  if (Number.isNaN(date.getTime())) return "--:--:--.---";
  const pad = (value: number, width = 2) => String(value).padStart(width, "0");
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}`;
}

/** Bare where that is unambiguous, otherwise as JSON. */
function plain(value: unknown): string {
  if (typeof value === "string" && /^[^\s"=]+$/.test(value)) return value;
  return JSON.stringify(value) ?? "undefined";
}
