import { spawn } from "node:child_process";
import type { Clock } from "./clock.ts";

/** systemd, where it started this program with Type=notify; elsewhere nobody, and telling does nothing. */
export interface ServiceManager {
  /** Up and serving; from now on it also hears, in time for its watchdog, that the event loop turns. */
  ready(): void;
  /** One line for `systemctl status`. */
  say(status: string): void;
  /** The end was asked for. */
  stopping(): void;
}

export interface ServiceManagerOptions {
  /** What systemd put there for us alone is taken out, so that no child speaks in our name. */
  environment: Record<string, string | undefined>;
  pid: number;
  clock: Clock;
  onProblem: (reason: string) => void;
}

/**
 * By `systemd-notify`, a short process each time: Node has no datagram sockets of the Unix kind (nodejs/node#29339),
 * and a native addon for one line a minute would be the larger burden. The protocol: sd_notify(3).
 */
export function openServiceManager({ environment, pid, clock, onProblem }: ServiceManagerOptions): ServiceManager {
  const socket = environment["NOTIFY_SOCKET"];
  const watchdogMs = watchdogIntervalMs(environment, pid);
  for (const name of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]) delete environment[name];
  if (socket === undefined || socket === "") return { ready() {}, say() {}, stopping() {} };

  /** One helper at a time, or a later state could overtake an earlier one. */
  let pending: string[] = [];
  let isHelping = false;
  function tell(state: string): void {
    const [variable] = state.split("=");
    pending = [...pending.filter((other) => !other.startsWith(`${variable}=`)), state];
    if (!isHelping) help();
  }
  function help(): void {
    if (pending.length === 0) return;
    isHelping = true;
    const states = pending;
    pending = [];
    const child = spawn("systemd-notify", [`--pid=${pid}`, ...states], {
      env: { PATH: environment["PATH"], NOTIFY_SOCKET: socket },
      stdio: "ignore",
    });
    let problem: string | null = null;
    child.on("error", (error) => (problem = error.message));
    child.on("close", (code) => {
      if (problem !== null || code !== 0) onProblem(problem ?? `systemd-notify ended with exit code ${code}`);
      isHelping = false;
      help();
    });
  }
  let cancelFeeding = (): void => {};
  function feedWatchdog(intervalMs: number): void {
    cancelFeeding = clock.callAfter(intervalMs, () => {
      tell("WATCHDOG=1");
      feedWatchdog(intervalMs);
    });
  }
  return {
    ready() {
      tell("READY=1");
      if (watchdogMs !== null) feedWatchdog(watchdogMs);
    },
    say: (status) => tell(`STATUS=${status.replaceAll(/\s+/g, " ")}`),
    stopping() {
      // A timer would keep the process alive; how long it may take to end is another limit.
      cancelFeeding();
      tell("STOPPING=1");
    },
  };
}

/** Half of what the watchdog waits (sd_watchdog_enabled(3)); `null` where there is none for this process. */
function watchdogIntervalMs(environment: Readonly<Record<string, string | undefined>>, pid: number): number | null {
  const limitMs = Number(environment["WATCHDOG_USEC"]) / 1000;
  const isForUs = environment["WATCHDOG_PID"] === undefined || Number(environment["WATCHDOG_PID"]) === pid;
  return isForUs && limitMs > 0 ? limitMs / 2 : null;
}
