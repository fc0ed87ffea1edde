/** What a simulated task does: the words of its command line say it, as a real one's would. */
export interface Behaviour {
  durationMs: number;
  /** Of attempts after the first `failures`, which exit with 1. */
  exitCode: number;
  failures: number;
  outputLines: number;
  lineBytes: number;
  /** Goes on after SIGTERM, until it is killed. */
  ignoresTerm: boolean;
  /** There is no such program. */
  isMissing: boolean;
}

export function commandFor(behaviour: Behaviour): string[] {
  return ["simulated", JSON.stringify(behaviour)];
}

export interface CommandLine {
  behaviour: Behaviour;
  attemptId: string;
  attemptNumber: number;
  timeoutMs: number | null;
  stopGraceMs: number;
  endsWithLease: boolean;
}

/** From the launch file that the agent wrote (native/launch.h reads the real one); `null` where it is none. */
export function parseLaunch(text: string): CommandLine | null {
  const strings = text.split("\0");
  const values = new Map<string, string>();
  const words: string[] = [];
  const environment = new Map<string, string>();
  for (let i = 0; i + 1 < strings.length; i += 2) {
    const [key, value] = [strings[i] as string, strings[i + 1] as string];
    if (key === "arg") words.push(value);
    else if (key === "env") environment.set(value.slice(0, value.indexOf("=")), value.slice(value.indexOf("=") + 1));
    else values.set(key, value);
  }
  if (words.length < 2 || !text.endsWith("\0")) return null;
  return {
    behaviour: JSON.parse(words[1] as string) as Behaviour,
    attemptId: values.get("attemptId") ?? "",
    attemptNumber: Number(environment.get("DROVER_ATTEMPT")),
    timeoutMs: values.has("timeoutMs") ? Number(values.get("timeoutMs")) : null,
    stopGraceMs: Number(values.get("stopGraceMs")),
    endsWithLease: values.get("onDisconnect") === "restart",
  };
}
