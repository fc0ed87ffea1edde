import { randomBytes } from "node:crypto";
import { isIP, type AddressInfo } from "node:net";
import { join } from "node:path";
import type { Logger } from "pino";
import type { Clock } from "@drover/shared/clock.ts";
import { TRUST_PLAIN, TRUST_SYSTEM } from "@drover/shared/domain/join-token.ts";
import { taskKey, type AttemptId, type JobId, type TaskKey } from "@drover/shared/domain/ids.ts";
import { DroverError } from "@drover/shared/errors.ts";
import { Enrolments } from "./access/enrolments.ts";
import { Invites } from "./access/invites.ts";
import { openLocalToken } from "./access/local-token.ts";
import { Tokens } from "./access/tokens.ts";
import type { CoordinatorConfig } from "./config.ts";
import { createControl } from "./control.ts";
import { placementOn } from "./core/placements.ts";
import { Signals } from "./engine/signals.ts";
import type { NodeIdentity } from "./gateway/node-identity.ts";
import { openWebSockets } from "./gateway/web-sockets.ts";
import { openArtifacts } from "./http/artifacts.ts";
import { acceptUpgrades } from "./http/upgrade.ts";
import { bareHost, isLoopbackHost, type AnswersTo } from "./http/loopback.ts";
import { createHttpServer } from "./http/server.ts";
import type { Reach } from "./http/routes/invites.ts";
import { HubClient } from "./models/hub-client.ts";
import { readHubToken } from "./models/hub-token.ts";
import { answerModelQuery, knownRevision } from "./models/answer-query.ts";
import { resolveModel } from "./models/resolve-model.ts";
import { distrustOutput, readBootId } from "./output/distrust-output.ts";
import { nodeOutputFiles } from "./output/output-files.ts";
import { openStore, type Store } from "./store/store.ts";
import { logOpening } from "./telemetry/log-opening.ts";
import { createMetrics } from "./telemetry/metrics.ts";
import { openTls } from "./tls/open-tls.ts";
import type { ServerTls } from "./tls/server-tls.ts";

const NONCE_BYTES = 32;
/** Between SIGTERM and SIGKILL of an attempt that is stopped. */
const STOP_GRACE_MS = 10_000;
/** About a month of a busy small fleet; the log has the rest. */
const KEPT_EVENTS = 2_000_000;
const PRUNE_PAUSE_MS = 1000;
const PRUNE_INTERVAL_MS = 10 * 60_000;

export interface Coordinator {
  url: string;
  /** Answers what is in flight, tells the agents, closes the store. Attempts go on under their agents. */
  stop(): Promise<void>;
}

/** Where the first admin token can be shown to a person and to nobody else; `null` where it cannot. */
export type ShowAdminToken = ((token: string) => void) | null;

/** The wiring: which parts there are and who is told what. */
export async function startCoordinator(
  config: CoordinatorConfig,
  clock: Clock,
  log: Logger,
  showAdminToken: ShowAdminToken = null,
): Promise<Coordinator> {
  const store = openStore(config.dataDir);
  const tls = await openTlsOf(store, config, clock, log);
  logOpening(log, store.opening);
  const invites = new Invites(store.enrolment, clock);
  const enrolments = new Enrolments(store.enrolment, invites, clock);
  const inside = openInside(config, store, enrolments, clock, log);
  const { fleet, engine, gateway, outputs } = inside;
  const localToken = config.localTokenFile === null ? null : openLocalToken(config.localTokenFile);
  const tokens = new Tokens(store.access, clock, localToken);
  const http = await createHttpServer({
    ...inside,
    tokens,
    audit: store.access,
    history: store.history,
    artifacts: openArtifacts(config.artifactsDir ?? join(config.dataDir, "artifacts")),
    diagnose: (nodeId, burn) => gateway.asked.diagnose(nodeId, burn),
    upgrade: (nodeId, version, sha256) => gateway.asked.upgrade(nodeId, version, sha256),
    resolveModel: (reference, choice) => resolveModel(inside.hub, reference, choice),
    invites,
    enrolments,
    dropNode: (...node) => gateway.drop(...node),
    reach: () => reachOf(http.server.address() as AddressInfo, config, tls),
    answersTo: answersTo(config, tls),
    trustedProxies: config.trustedProxies,
    tls,
    clock,
    log,
  });
  const webSockets = openWebSockets(gateway, isForThisMachineAlone(config));
  acceptUpgrades(http.server, webSockets, answersTo(config, tls));

  let stopPruning = (): void => {};
  async function closeStore(): Promise<void> {
    await outputs.close();
    store.close();
  }

  try {
    await engine.start();
    stopPruning = startPruning(store, clock, log);
    await http.listen({ host: config.host, port: config.port });
  } catch (error) {
    await engine.stop();
    await closeStore();
    throw listenError(error, config);
  }
  const url = urlOf(http.server.address() as AddressInfo, config);
  const pinned = tls?.trust.type === "authority" ? { caFingerprint: tls.trust.fingerprint } : {};
  const size = { jobs: fleet.jobs.size, nodes: fleet.nodes.size };
  log.info(
    { event: "coordinator.listening", url, dataDir: config.dataDir, ...size, ...pinned },
    "coordinator listening",
  );
  makeAdmin(tokens, log, showAdminToken);

  return {
    url,
    async stop() {
      log.info({ event: "coordinator.stopping" }, "coordinator stopping");
      stopPruning();
      gateway.stop();
      webSockets.stop();
      await http.close();
      await engine.stop();
      await closeStore();
      log.info({ event: "coordinator.stopped" }, "coordinator stopped");
    },
  };
}

/** What decides and remembers, and those who wait for it to change. */
function openInside(config: CoordinatorConfig, store: Store, identity: NodeIdentity, clock: Clock, log: Logger) {
  const fleet = store.loadFleet({
    incarnation: newIncarnation(),
    leaseMs: config.leaseMs,
    heartbeatIntervalMs: config.heartbeatIntervalMs,
    stopGraceMs: STOP_GRACE_MS,
    hubEndpoint: config.hubEndpoint,
  });
  const hub = new HubClient({ endpoint: config.hubEndpoint, readToken: () => readHubToken(config), clock });
  const taskSignals = new Signals<TaskKey>();
  const eventSignals = new Signals<"events">();
  const metrics = createMetrics(fleet);
  const control = createControl({
    fleet,
    store,
    history: store.history,
    identity,
    drawNonce: () => randomBytes(NONCE_BYTES).toString("base64url"),
    files: nodeOutputFiles,
    dataDir: config.dataDir,
    answerModelQuery(nodeId, query) {
      const revision = fleet.revisions.get(query.revisionId);
      const isWanted = revision && placementOn(fleet, nodeId, query.revisionId) !== null;
      const known = isWanted ? knownRevision(revision.source, revision.fileCount, revision.id, store.history) : null;
      return answerModelQuery(hub, query, known);
    },
    clock,
    log,
    onOutputGrown: (attemptId) => taskSignals.signal(taskKeyOf(attemptId)),
    onReleased(turn) {
      metrics.countTurn(turn);
      if (turn.written.events.length > 0) eventSignals.signal("events");
      for (const { event } of turn.written.events)
        if ("taskIndex" in event) taskSignals.signal(taskKey(event.jobId as JobId, event.taskIndex));
    },
  });
  const liveAttemptIds = [...fleet.attempts.values()].map((attempt) => attempt.id);
  const distrusted = distrustOutput(config.dataDir, control.outputs, readBootId(), liveAttemptIds);
  if (distrusted > 0) log.info({ event: "output.distrusted", attempts: distrusted }, "output is fetched again");
  return { ...control, fleet, hub, metrics, taskSignals, eventSignals };
}

/** By which names a request may ask for this coordinator. */
function answersTo({ names }: CoordinatorConfig, tls: ServerTls | null): AnswersTo {
  return (host) => isLoopbackHost(host) || names.includes(bareHost(host)) || tls?.answersTo(bareHost(host)) === true;
}

/** Under the lock of the data directory, where its files are. */
async function openTlsOf(store: Store, ...options: Parameters<typeof openTls>): Promise<ServerTls | null> {
  try {
    return await openTls(...options);
  } catch (error) {
    store.close();
    throw error;
  }
}

/** At the first start somebody must become the admin: by the local file, or by a token that is shown this once. */
function makeAdmin(tokens: Tokens, log: Logger, showAdminToken: ShowAdminToken): void {
  if (tokens.hasAdmin) return;
  if (showAdminToken) showAdminToken(tokens.resetAdmin());
  // A log is read by many, and kept: the token is made where it can be told to the one who asks for it.
  else log.warn({ event: "access.adminTokenMissing" }, "no admin token yet: drover-coordinator token reset-admin");
}

/** Keeps the event stream from growing for ever; returns what ends it. */
function startPruning(store: Store, clock: Clock, log: Logger): () => void {
  let cancelNext = (): void => {};
  function prune(): void {
    let droppedCount = 0;
    try {
      droppedCount = store.pruneEvents(KEPT_EVENTS);
    } catch (err) {
      log.warn({ event: "store.pruneFailed", err }, "old events could not be dropped; tried again later");
    }
    // In slices, so that turns come in between.
    cancelNext = clock.callAfter(droppedCount > 0 ? PRUNE_PAUSE_MS : PRUNE_INTERVAL_MS, prune);
  }
  prune();
  return () => cancelNext();
}

function newIncarnation(): string {
  // 6 characters of [a-z0-9]: a clash needs the same data restored twice and one chance in two billion.
  return (randomBytes(6).readUIntBE(0, 6) % 36 ** 6).toString(36).padStart(6, "0");
}

function taskKeyOf(attemptId: AttemptId): TaskKey {
  const [jobId, taskIndex] = attemptId.split(".");
  return taskKey(Number(jobId) as JobId, Number(taskIndex));
}

/** Nobody else can get here, so a node need not have joined: `npm start`. */
function isForThisMachineAlone({ host, names, tls }: CoordinatorConfig): boolean {
  return tls.type === "none" && isLoopbackHost(host) && names.length === 0;
}

function reachOf(address: AddressInfo, config: CoordinatorConfig, tls: ServerTls | null): Reach {
  const url = urlOf(address, config);
  if (tls === null) return { url, trust: TRUST_PLAIN, publicKeyPin: null };
  if (tls.trust.type === "system") return { url, trust: TRUST_SYSTEM, publicKeyPin: null };
  return { url, trust: tls.trust.fingerprint, publicKeyPin: tls.trust.publicKeyPin };
}

/** By the name under which others know it, where it has one: `0.0.0.0` is nowhere. */
function urlOf({ address, port }: AddressInfo, { names, tls }: CoordinatorConfig): string {
  const host = names[0] ?? address;
  return `${tls.type === "none" ? "http" : "https"}://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

function listenError(error: unknown, { host, port }: CoordinatorConfig): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE")
    return new DroverError("listen.addressInUse", `Something else listens on ${host}:${port}.`, { cause: error });
  if (code === "EACCES" || code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
    return new DroverError("listen.invalidAddress", `${host}:${port} cannot be listened on (${code}).`, {
      cause: error,
    });
  }
  return error;
}
