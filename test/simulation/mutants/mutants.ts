import type { FaultKind } from "../faults.ts";

/** A planted bug: one place of one file, changed as it is loaded. */
export interface Mutant {
  name: string;
  /** End of the file's path. */
  file: string;
  find: string;
  replace: string;
  /** Where a second line of defence hides it from all but a seed in thousands: the faults under which it shows. */
  storm?: readonly FaultKind[];
}

const CORE = "packages/coordinator/src/core";
const COORDINATOR = "packages/coordinator/src";
const AGENT = "packages/agent/src";

/** Bugs that somebody might write. The simulator must catch each; what it does not catch is a check that is missing. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: "a command is answered before the commit",
    file: `${COORDINATOR}/engine/engine.ts`,
    find: "answers.push(() => input.resolve(result));",
    replace: "input.resolve(result);",
  },
  {
    name: "effects leave before the commit",
    file: `${COORDINATOR}/engine/engine.ts`,
    find: "written = await this.#write(effects, now);",
    replace:
      "release({ effects, written: { events: [] }, now, inputCount: 0, durationMs: 0 }); written = await this.#write(effects, now);",
  },
  {
    name: "what agents said in a turn that failed is dropped",
    file: `${COORDINATOR}/engine/engine.ts`,
    find: "this.#pending.unshift(...kept);",
    replace: "void kept;",
  },
  {
    name: "the coordinator's own stall counts as the nodes' silence",
    file: `${COORDINATOR}/engine/engine.ts`,
    find: "extendLeases(this.fleet, stalledMs, now);",
    replace: "void extendLeases;",
  },
  {
    name: "a rollback leaves attempts as they were in the failed turn",
    file: `${CORE}/fleet.ts`,
    find: "for (const table of this.#stored) table.rollback();",
    replace: "for (const table of this.#stored) if (table === this.attempts) table.commit(); else table.rollback();",
  },
  {
    name: "a job's number is given again after a rollback",
    file: `${CORE}/fleet.ts`,
    find: "    // The pass that was taken back",
    replace: "    this.#nextJobId = Math.max(1, this.#nextJobId - 1);\n    // The pass that was taken back",
  },
  {
    name: "a job starts while one that it comes after goes on",
    file: `${CORE}/dependencies.ts`,
    find: 'return job !== undefined && judgeDependency(when, job.state) !== "met";',
    replace: 'return job !== undefined && judgeDependency(when, job.state) !== "met" && job.state === "queued";',
  },
  {
    name: "the next attempt has the id of the one before",
    file: `${CORE}/fleet.ts`,
    find: "attemptNumber: task.attemptNumber + 1,",
    replace: "attemptNumber: Math.max(1, task.attemptNumber),",
  },
  {
    name: "an idempotency key is not looked up",
    file: `${CORE}/submit-job.ts`,
    find: "const earlier = idempotency && (storedUnderKey ?? earlierInThisTurn(fleet, idempotency.key));",
    replace: "const earlier = idempotency && storedUnderKey && earlierInThisTurn(fleet, idempotency.key);",
  },
  {
    name: "a node is given up when its lease ends, without the time to kill",
    file: `${CORE}/liveness.ts`,
    find: "return (leaseMs + stopGraceMs) * DRIFT_RATIO + KILL_MARGIN_MS;",
    replace: "return leaseMs + 0 * (stopGraceMs + DRIFT_RATIO + KILL_MARGIN_MS);",
  },
  {
    name: "a node of a frozen site is given up",
    file: `${CORE}/liveness.ts`,
    find: "} else if (!isFrozen(fleet, node)) {",
    replace: "} else {\n      void isFrozen;",
  },
  {
    name: "no site is ever frozen",
    file: `${CORE}/site-freeze.ts`,
    find: "const MIN_AWAY = 2;",
    replace: "const MIN_AWAY = 1e9;",
  },
  {
    name: "a cordoned node takes new work",
    file: `${CORE}/scheduler/capacity.ts`,
    find: 'node.isAvailable = after.link === "online" && after.admin === "schedulable" &&',
    replace: 'node.isAvailable = after.link === "online" && after.admin !== "drained" &&',
  },
  {
    name: "a hello that a later one has overtaken is taken",
    file: `${COORDINATOR}/gateway/agent-gateway.ts`,
    find: "if (session.id < (this.#newestGreeted.get(hello.nodeId) ?? 0)) return session.close(OVERTAKEN);",
    replace: "",
  },
  {
    name: "the twin of a machine is let in beside it",
    file: `${CORE}/agent-session.ts`,
    find: "return now.monotonicMs - heardAtMs <= suspectAfterMs(fleet.settings);",
    replace: "return now.monotonicMs - heardAtMs < 0 * suspectAfterMs(fleet.settings);",
  },
  {
    name: "the goodbye of a session that was replaced counts",
    file: `${CORE}/agent-session.ts`,
    find: "if (!node || fleet.sessionIdOf(nodeId) !== sessionId) return;",
    replace: "if (!node) return void sessionId;",
  },
  {
    name: "what should wait for its node is given away",
    file: `${CORE}/liveness.ts`,
    find: 'if (!isGone && fleet.jobs.get(attempt.jobId)?.spec.onDisconnect === "wait") continue;',
    replace: "",
  },
  {
    name: "after a restart of the coordinator every node has long been silent",
    file: `${CORE}/liveness.ts`,
    find: "      leaseFromMonotonicMs: now.monotonicMs,\n      heardAtMs: null,",
    replace: "      leaseFromMonotonicMs: now.monotonicMs - 1e9,\n      heardAtMs: null,",
  },
  {
    name: "assignments are not repeated after a hello",
    file: `${CORE}/agent-session.ts`,
    find: 'if (next?.desired === "run") effects.desire(hello.nodeId, next);',
    replace: 'if (next?.desired === "run") continue;',
  },
  {
    name: "what an earlier boot was given is started in a later one",
    file: `${CORE}/agent-session.ts`,
    find: 'if (attempt.bootId !== node.bootId) return giveUp(fleet, attempt, "rebooted", effects, now);',
    replace: "",
  },
  {
    name: "what ended without the node is not stopped there",
    file: `${CORE}/agent-session.ts`,
    find: "effects.welcome(sessionId, held);",
    replace:
      'effects.welcome(sessionId, [...held, ...[...reports.keys()].filter((id) => !fleet.attempts.get(id)).map((attemptId) => ({ desired: "keep" as const, attemptId }))]);',
  },
  {
    name: "a canceled job's attempt that fails is tried again",
    file: `${CORE}/end-attempt.ts`,
    find: "if (job.cancelRequested) {",
    replace: "if (job.cancelRequested && task.attemptNumber > 100) {",
  },
  {
    name: "a freed CPU is counted twice",
    file: `${CORE}/scheduler/room.ts`,
    find: "room.cpuMilli += sign * allocation.cpuMilli;",
    replace: "room.cpuMilli += (sign > 0 ? 2 : -1) * allocation.cpuMilli;",
  },
  {
    name: "a GPU is free while an attempt holds it",
    file: `${CORE}/scheduler/room.ts`,
    find: "if (!device) continue;",
    replace: "if (!device || (sign < 0 && gpuId !== allocation.gpuIds[0])) continue;",
  },
  {
    name: "a whole GPU is given where a share of it is held",
    file: `${CORE}/scheduler/room.ts`,
    find: "if (freeMilli >= milli && ++count",
    replace: "if (freeMilli > 0 && ++count",
  },
  {
    name: "a share that was freed gives the whole GPU back",
    file: `${CORE}/scheduler/room.ts`,
    find: "    device.freeMilli += sign * gpuMilli;",
    replace: "    device.freeMilli = sign > 0 ? 1000 : device.freeMilli - gpuMilli;",
  },
  {
    name: "freed room wakes nobody",
    file: `${CORE}/scheduler/capacity.ts`,
    find: "      give(node.free, attempt.allocation);\n      this.#grown.add(node.nodeId);",
    replace: "      give(node.free, attempt.allocation);",
  },
  {
    name: "a node that is no longer kept for a task wakes nobody",
    file: `${CORE}/scheduler/reservations.ts`,
    find: "  fleet.capacity.grow(reservation.nodeId);",
    replace: "",
  },
  {
    name: "a node stays kept for a task that starts elsewhere",
    file: `${CORE}/scheduler/place-tasks.ts`,
    find: "  if (own) release(fleet, own);",
    replace: "",
  },
  {
    name: "an end counts before the last byte of output is stored",
    file: `${COORDINATOR}/gateway/agent-gateway.ts`,
    find: "if (storedBytes >= report.outputBytes) return",
    replace: "if (storedBytes >= 0) return",
  },
  {
    name: "an end states a byte more than there is",
    file: `${CORE}/attempt-reports.ts`,
    find: "{ outcome, outputBytes, usage, endedAtMs: report.endedAtMs ?? now.wallMs },",
    replace: "{ outcome, outputBytes: outputBytes + 1, usage, endedAtMs: report.endedAtMs ?? now.wallMs },",
  },
  {
    name: "output is stored one byte off where frames overlap",
    file: `${COORDINATOR}/output/output-store.ts`,
    find: "const fresh = payload.subarray(writing.acceptedBytes - offset);",
    replace: "const fresh = payload.subarray(Math.max(0, writing.acceptedBytes - offset - 1));",
  },
  {
    name: "output with a gap before it is stored",
    file: `${COORDINATOR}/output/output-store.ts`,
    find: "const isNew = offset <= writing.acceptedBytes && offset",
    replace: "const isNew = offset",
  },
  {
    name: "the agent's lease counts from when the answer came",
    file: `${AGENT}/link/coordinator-link.ts`,
    find: "this.#ports.onLeaseRenewed(sentAtMs, session.welcome.leaseMs);",
    replace: "this.#ports.onLeaseRenewed(this.#ports.clock.monotonicMs(), session.welcome.leaseMs);",
  },
  {
    name: "the agent's lease is not renewed by heartbeats",
    file: `${AGENT}/link/coordinator-link.ts`,
    find: "this.#ports.onLeaseRenewed(sentAtMs, session.welcome.leaseMs);",
    replace: "",
  },
  {
    name: "an end leaves the spool before it is acknowledged",
    file: `${AGENT}/attempts/attempts.ts`,
    find: "return this.#ledger.takeDueReports();",
    replace:
      'const reports = this.#ledger.takeDueReports(); for (const { attemptId, state } of reports) { const held = this.#ledger.get(attemptId); if (held && state === "ended") this.#lifecycle.drop(held); } return reports;',
  },
  {
    name: "a restarted agent does not look into its spool",
    file: `${AGENT}/agent.ts`,
    find: "  attempts.adopt();\n",
    replace: "",
  },
  {
    name: "what the coordinator does not list goes on",
    file: `${AGENT}/attempts/attempts.ts`,
    find: "for (const held of this.#ledger.all()) if (!stays.has(held.attemptId)) this.#lifecycle.drop(held);",
    replace: "void stays;",
  },
  {
    name: "what a supervisor that was killed left running is not looked for",
    file: `${AGENT}/attempts/lifecycle.ts`,
    find: "if (supervisors.killLeftovers(held) > 0) return;",
    replace: "void supervisors;",
  },
  {
    name: "an attempt is stopped before it starts, and its claim is left to take",
    file: `${AGENT}/attempts/lifecycle.ts`,
    find: "if (held.claim === null && spool.claimForAgent(held.attemptId, clock.nowMs())) {",
    replace: "if (held.claim === null && clock.nowMs() > 0) {",
  },
  {
    name: "after a reconnect output goes on where it was, whatever arrived",
    file: `${AGENT}/take-welcome.ts`,
    find: "shipper.resume(welcome.outputOffsets);",
    replace: "",
  },
  {
    name: "a supervisor is taken for alive by its pid alone",
    file: `${AGENT}/runtime/processes.ts`,
    find: " && stat.startTicks === startTicks;",
    replace: ";",
  },
  {
    name: "nobody asks again for a supervisor that did not come",
    file: `${AGENT}/attempts/attempts.ts`,
    find: "if (this.#ports.clock.monotonicMs() - askedAtMonotonicMs >= ASK_AGAIN_MS) this.#lifecycle.ask(held);",
    replace: "",
  },
  {
    name: "the node's id is written down without a sync",
    file: `${AGENT}/identity.ts`,
    find: "files.syncDirectory(dataDir);",
    replace: "",
  },
  {
    name: "output that could not be synced is believed to be there",
    file: `${COORDINATOR}/output/output-store.ts`,
    find: "this.doubt([attemptId]);",
    replace: "",
  },
  {
    name: "a directory that could not be removed stays",
    file: `${AGENT}/attempts/attempts.ts`,
    find: "this.#lifecycle.finishRemovals();",
    replace: "",
  },
  {
    name: "a launch of an earlier boot is started after a reboot",
    file: `${AGENT}/attempts/attempts.ts`,
    find: "if (spooled.bootId !== bootId && !isWhole(spooled.exit, spool.outputBytes(attemptId))) {",
    replace: 'if (spooled.bootId !== bootId && bootId === "") {',
  },
  {
    name: "only the tick notices that the coordinator was stalled",
    file: `${COORDINATOR}/engine/engine.ts`,
    find: "    this.#inTurn = inputs;\n    this.#noticeStall();\n",
    replace: "    this.#inTurn = inputs;\n",
    storm: ["storeBreaksThenSleep"],
  },
  {
    name: "a hello that waited for the disk counts as heard when it is taken",
    file: `${CORE}/agent-session.ts`,
    find: "presenceFrom(presence, heardAt)",
    replace: "presenceFrom(presence, now)",
    storm: ["storeBreaksThenSiteGone"],
  },
  {
    name: "a stall does not count for a hello that waits for the disk",
    file: `${CORE}/liveness.ts`,
    find: 'if (happening.type !== "agentHello") return happening;',
    replace: 'if (now.wallMs > 0 || happening.type !== "agentHello") return happening;',
    storm: ["storeBreaksThenSleep"],
  },
  {
    name: "what the first of two hellos in one turn made start goes out behind the second",
    file: `${CORE}/end-attempt.ts`,
    find: "  effects.withdrawRun(attempt.nodeId, attempt.id);\n",
    replace: "",
    storm: ["storeFailed", "reboot", "partitionBothWays", "connectionReset"],
  },
];
