import { NODE_INVARIANTS, TASK_INVARIANTS } from "./invariants.ts";
import type { ObservedNode, ObservedTask } from "./observation.ts";

/** One line for each invariant that a task breaks: its name, the task, and how. */
export function judgeTasks(tasks: readonly ObservedTask[]): string[] {
  return tasks.flatMap((task) =>
    Object.entries(TASK_INVARIANTS).flatMap(([name, brokenBy]) =>
      brokenBy(task).map((how) => `${name}: task ${task.jobId}.${task.index} ${how}`),
    ),
  );
}

/** The same of nodes. */
export function judgeNodes(nodes: readonly ObservedNode[]): string[] {
  return nodes.flatMap((node) =>
    Object.entries(NODE_INVARIANTS).flatMap(([name, brokenBy]) =>
      brokenBy(node).map((how) => `${name}: ${node.name} ${how}`),
    ),
  );
}
