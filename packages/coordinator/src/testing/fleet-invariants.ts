import { gpuSharesOf, WHOLE_GPU_MILLI } from "@drover/shared/domain/resources.ts";
import type { NodeId } from "@drover/shared/domain/ids.ts";
import { MAX_RESERVATIONS } from "../core/scheduler/reservations.ts";
import { copyRoom, fits, give } from "../core/scheduler/room.ts";
import { usableCapacity } from "../core/usable-capacity.ts";
import type { Fleet } from "../core/fleet.ts";
import type { JobRecord } from "../core/records.ts";
import { countWaiting, whyJobWaits } from "../core/why-waiting.ts";

/** What must be true of the fleet after every turn (DESIGN §5); each returns what breaks it, or nothing. */
export const FLEET_INVARIANTS: Readonly<Record<string, (fleet: Fleet) => string[]>> = {
  /** 2: at most one attempt of a task. */
  oneLiveAttemptPerTask(fleet) {
    const broken: string[] = [];
    const seen = new Set<string>();
    for (const attempt of fleet.attempts.values()) {
      const key = `${attempt.jobId}.${attempt.taskIndex}`;
      if (seen.has(key)) broken.push(`task ${key} has two live attempts`);
      seen.add(key);
      const task = fleet.task(attempt.jobId, attempt.taskIndex);
      if (task?.liveAttemptId !== attempt.id) broken.push(`attempt ${attempt.id} is not its task's live one`);
      if (task?.state !== "running") broken.push(`attempt ${attempt.id} lives while its task is ${task?.state}`);
    }
    for (const task of fleet.tasks.values()) {
      const live = task.liveAttemptId !== null && fleet.attempts.get(task.liveAttemptId) !== undefined;
      if ((task.state === "running") !== live)
        broken.push(`task ${task.jobId}.${task.index} is ${task.state}, live attempt: ${live}`);
    }
    return broken;
  },

  /** 3: nothing is promised twice, and the free capacity that placement reads is what the attempts leave. */
  nothingPromisedTwice(fleet) {
    const broken: string[] = [];
    for (const node of fleet.nodes.values()) {
      const attempts = [...fleet.attempts.values()].filter((attempt) => attempt.nodeId === node.id);
      const shares = Map.groupBy(
        attempts.flatMap(({ allocation }) => gpuSharesOf(allocation)),
        ({ gpuId }) => gpuId,
      );
      const heldMilli = (id: string) => (shares.get(id) ?? []).reduce((sum, { gpuMilli }) => sum + gpuMilli, 0);
      for (const id of shares.keys())
        if (heldMilli(id) > WHOLE_GPU_MILLI)
          broken.push(`${node.name}: ${heldMilli(id)} thousandths of a GPU are promised`);
      const free = fleet.capacity.freeOn(node.id);
      const cpuMilli = attempts.reduce((sum, { allocation }) => sum + allocation.cpuMilli, 0);
      const memoryBytes = attempts.reduce((sum, { allocation }) => sum + allocation.memoryBytes, 0);
      if (free.cpuMilli !== node.capacity.cpuMilli - cpuMilli) broken.push(`${node.name}: free cpus are wrong`);
      if (free.memoryBytes !== node.capacity.memoryBytes - memoryBytes)
        broken.push(`${node.name}: free memory is wrong`);
      if (cpuMilli > node.capacity.cpuMilli || memoryBytes > node.capacity.memoryBytes)
        broken.push(`${node.name}: over-committed`);
      const freeShares = usableCapacity(node).gpuIds.map((id) => `${id} ${WHOLE_GPU_MILLI - heldMilli(id)}`);
      const believed = free.gpuShares.map(({ gpuId, gpuMilli }) => `${gpuId} ${gpuMilli}`);
      if (believed.toSorted().join() !== freeShares.toSorted().join())
        broken.push(`${node.name}: free GPUs are ${believed.join()}, should be ${freeShares.join()}`);
    }
    return broken;
  },

  /** A node is connected exactly while a connection speaks for it: else nobody would ever notice its end. */
  connectedNodesHaveSessions(fleet) {
    return [...fleet.nodes.values()]
      .filter(({ id, link }) => (link === "online" || link === "suspect") !== (fleet.sessionIdOf(id) !== null))
      .map(({ name, link, id }) => `${name} is ${link} with session ${fleet.sessionIdOf(id)}`);
  },

  /** Whoever is told "drained" may switch the machine off. */
  drainedNodesHoldNothing(fleet) {
    return [...fleet.nodes.values()]
      .filter(({ id, admin }) => admin === "drained" && fleet.attemptsOn(id).length > 0)
      .map(({ name }) => `${name} is drained and holds attempts`);
  },

  /** Nothing new is given to a node that operators hold back, or that is not there. */
  heldBackNodesAreClosed(fleet) {
    return [...fleet.nodes.values()]
      .filter(({ id, link, admin }) => fleet.capacity.isOpen(id) && (link !== "online" || admin !== "schedulable"))
      .map(({ name, link, admin }) => `${name} is open though it is ${link}, ${admin}`);
  },

  /** A declaration that a node is gone is void once it is heard; until then nothing waits for it. */
  goneNodesAreAway(fleet) {
    const gone = [...fleet.nodes.values()].filter(({ goneSinceMs }) => goneSinceMs !== null);
    return [
      ...gone.filter(({ link }) => link === "online").map(({ name }) => `${name} is gone and online`),
      ...gone
        .filter(({ id, link }) => link === "lost" && fleet.attemptsOn(id).length > 0)
        .map(({ name }) => `${name} is gone and lost, and attempts wait for it`),
    ];
  },

  /** A site is frozen for a reason that still holds. */
  freezesAreOfMassSilence(fleet) {
    return [...fleet.freezes.values()]
      .filter(({ isOver, awayCount, presentCount }) => isOver || awayCount < 2 || awayCount < presentCount)
      .map((freeze) => `frozen without reason: ${JSON.stringify(freeze)}`);
  },

  /** The job's counts are those of its tasks, and its state follows from them. */
  jobsCountTheirTasks(fleet) {
    const broken: string[] = [];
    const counts = new Map<number, Record<string, number>>();
    for (const task of fleet.tasks.values()) {
      const ofJob = counts.get(task.jobId) ?? {};
      ofJob[task.state] = (ofJob[task.state] ?? 0) + 1;
      counts.set(task.jobId, ofJob);
    }
    for (const job of fleet.jobs.values()) {
      const { queued, staging, running, ...ended } = job.tasksByState;
      const live = counts.get(job.id) ?? {};
      if ((live["queued"] ?? 0) !== queued || (live["running"] ?? 0) !== running)
        broken.push(`job ${job.id} miscounts its live tasks`);
      const total = queued + staging + running + ended.succeeded + ended.failed + ended.canceled;
      if (total !== (job.spec.arraySize ?? 1)) broken.push(`job ${job.id} counts ${total} tasks`);
      if (queued + staging + running === 0) broken.push(`job ${job.id} is hot without a live task`);
    }
    return broken;
  },

  /** A job is held exactly while one that it comes after has not ended: else nobody would ever let it go. */
  heldWhileDependenciesAreUndecided(fleet) {
    return [...fleet.jobs.values()]
      .filter((job) => fleet.dependencies.isHeld(job.id) !== isUndecided(fleet, job))
      .map((job) => `job ${job.id} is ${fleet.dependencies.isHeld(job.id) ? "held for nothing" : "not held"}`);
  },

  /** What a job comes after has ended before any of its tasks was given to a node. */
  noAttemptBeforeDependencies(fleet) {
    const tasks = [...fleet.tasks.values()].filter((task) => task.attemptNumber > 0);
    const attempts = [...fleet.attempts.values()];
    return [...tasks, ...attempts]
      .filter(({ jobId }) => isUndecided(fleet, fleet.jobs.get(jobId)))
      .map(({ jobId }) => `job ${jobId} has an attempt before its dependencies have ended`);
  },

  /** 11: the one reason of a held task is its dependencies, and of no task that they no longer hold. */
  heldTasksSayWhy(fleet) {
    return [...fleet.jobs.values()]
      .filter((job) => job.tasksByState.queued > 0 && job.spec.after.length > 0)
      .filter((job) => (whyJobWaits(fleet, job, 0).code === "dependency") !== isUndecided(fleet, job))
      .map((job) => `job ${job.id} says that it waits for ${whyJobWaits(fleet, job, 0).code}`);
  },

  /** 11: every waiting task is counted under one reason, and no other task under any. */
  everyWaitingTaskHasOneReason(fleet) {
    const counted = [...countWaiting(fleet).values()].reduce((sum, count) => sum + count, 0);
    const waiting = [...fleet.tasks.values()].filter(({ state }) => state === "queued").length;
    return counted === waiting ? [] : [`${counted} tasks wait for a reason, ${waiting} are queued`];
  },

  /** 11: every other waiting task really waits: after a pass no open node has room for it that is not kept for another. */
  nothingWaitsThatFits(fleet) {
    const broken: string[] = [];
    let queuedCount = 0;
    for (const task of fleet.tasks.values()) {
      if (task.state !== "queued" || isUndecided(fleet, fleet.jobs.get(task.jobId))) continue;
      queuedCount++;
      const open = fleet.capacity.openNodes().nodes.map(({ nodeId }) => nodeId);
      const isFree = (nodeId: NodeId) => {
        const { position } = fleet.reservations.on(nodeId) ?? {};
        return position === undefined || (position.jobId === task.jobId && position.taskIndex === task.index);
      };
      const fitting = open.find((nodeId) => isFree(nodeId) && fleet.capacity.hasRoom(nodeId, task.request));
      if (fitting) broken.push(`task ${task.jobId}.${task.index} waits though it fits on ${fitting}`);
    }
    if (queuedCount !== fleet.queue.waitingCount)
      broken.push(`the queue counts ${fleet.queue.waitingCount}, there are ${queuedCount}`);
    return broken;
  },

  /** A node is kept for a task that waits and will fit there, and for few of them. */
  reservationsAreOfUse(fleet) {
    const broken: string[] = [];
    const reservations = fleet.reservations.all();
    if (reservations.length > MAX_RESERVATIONS) broken.push(`${reservations.length} nodes are kept`);
    for (const { position, nodeId, demand, awaitedIds } of reservations) {
      const named = `${nodeId} is kept for task ${position.jobId}.${position.taskIndex}, which`;
      if (fleet.reservations.of(position)?.nodeId !== nodeId) broken.push(`${named} does not know of it`);
      const task = fleet.task(position.jobId, position.taskIndex);
      if (task?.state !== "queued") broken.push(`${named} is ${task?.state}`);
      if (!fleet.capacity.isOpen(nodeId)) broken.push(`${named} cannot start there`);
      const room = copyRoom(fleet.capacity.roomOn(nodeId));
      for (const id of awaitedIds) {
        const attempt = fleet.attempts.get(id);
        if (attempt && attempt.state !== "ended") give(room, attempt.allocation);
      }
      if (!fits(room, demand)) broken.push(`${named} will not fit when what it waits for has ended`);
    }
    return broken;
  },
};

/** From the rows alone: nothing that is derived from them is believed here. */
function isUndecided(fleet: Fleet, job: JobRecord | undefined): boolean {
  return job?.spec.after.some(({ jobId }) => fleet.jobs.get(jobId)?.endedAtMs === null) ?? false;
}

export function brokenInvariants(fleet: Fleet): string[] {
  return Object.entries(FLEET_INVARIANTS).flatMap(([name, check]) => check(fleet).map((what) => `${name}: ${what}`));
}
