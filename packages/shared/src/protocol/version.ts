/**
 * The wire protocol between agent and coordinator. Raise it, and add a dated line, when a peer of the
 * version before would misread a message; a new optional field needs none (unknown fields are ignored).
 * The hash test beside this file fails when the messages change.
 *
 * 1: 2026-11-23  first version
 * 2: 2026-11-24  the hello says machineId and site, the heartbeat attemptCount: without them a clone of a
 *                machine that is out of reach takes its place, and nobody confirms that a node is drained; and
 *                it says the proof of who it is that a challenge asked for
 */
export const PROTOCOL_VERSION = 2;

/** The oldest agent that the coordinator still serves: one version back. */
export const MIN_AGENT_PROTOCOL_VERSION = 1;
