export const AGENT_NAMES = ["agent1", "agent2", "agent3"] as const;
export type AgentName = (typeof AGENT_NAMES)[number];
export type DaemonName = AgentName | "coordinator";

/** Which way between an agent and the coordinator nothing passes. */
export type Blocked = "both" | "toCoordinator" | "fromCoordinator";

/** What is done to the fleet; after `forMs` it is undone. */
export type Fault =
  /** SIGKILL; started again after `forMs`. */
  | { kind: "kill"; daemon: DaemonName; forMs: number }
  /** The small process that forks an agent's supervisors; the agent starts another by itself. */
  | { kind: "killLauncher"; daemon: AgentName; forMs: 0 }
  /** What stands over one attempt, drawn from those that run. */
  | { kind: "killSupervisor"; daemon: AgentName; draw: number; forMs: 0 }
  /** SIGSTOP, then SIGCONT. */
  | { kind: "pause"; daemon: DaemonName; forMs: number }
  /** Packets vanish. */
  | { kind: "partition"; agents: readonly AgentName[]; blocked: Blocked; forMs: number }
  /** Connections are reset, and new ones refused. */
  | { kind: "cut"; agents: readonly AgentName[]; forMs: number }
  /** So many of a hundred packets vanish, either way. */
  | { kind: "loss"; agents: readonly AgentName[]; percent: number; forMs: number }
  | { kind: "fillDisk"; daemon: DaemonName; forMs: number }
  /** The database is copied away: by `drover-coordinator backup` while it is in use, or by hand with the coordinator stopped. */
  | { kind: "copy"; way: "online" | "stopped"; forMs: 0 }
  /** The coordinator is killed and started again from the latest copy. */
  | { kind: "restore"; forMs: 0 };

export function describeFault(fault: Fault): string {
  const seconds = `${(fault.forMs / 1000).toFixed(1)} s`;
  switch (fault.kind) {
    case "kill":
      return `kill ${fault.daemon}, start it again after ${seconds}`;
    case "killLauncher":
      return `kill the launcher of ${fault.daemon}`;
    case "killSupervisor":
      return `kill a supervisor of ${fault.daemon}`;
    case "pause":
      return `stop ${fault.daemon} for ${seconds}`;
    case "partition":
      return `part ${fault.agents.join(", ")} from the coordinator (${fault.blocked}) for ${seconds}`;
    case "cut":
      return `reset the connections of ${fault.agents.join(", ")} for ${seconds}`;
    case "loss":
      return `lose ${fault.percent} % of the packets of ${fault.agents.join(", ")} for ${seconds}`;
    case "fillDisk":
      return `fill the disk of ${fault.daemon} for ${seconds}`;
    case "copy":
      return `copy the database away (${fault.way})`;
    case "restore":
      return "restart the coordinator from the latest copy";
  }
}
