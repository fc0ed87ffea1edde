import type { z } from "zod";
import { AuditList, CreatedToken, Token, TokenList, type AuditQuery, type TokenCreateRequest } from "../api/access.ts";
import {
  CreatedInvite,
  Enrolment,
  Invite,
  InviteList,
  PendingEnrolments,
  type InviteRequest,
} from "../api/enrolment.ts";
import { StoredEvent } from "../api/events.ts";
import { ATTEMPT_HEADER, Job, JobDetail, JobList } from "../api/jobs.ts";
import {
  Model,
  ModelDetail,
  ModelList,
  PlacementList,
  type ModelAddRequest,
  type ModelPlaceRequest,
  type ModelUnplaceRequest,
} from "../api/models.ts";
import { NodeDetail, NodeList, type DiagnoseRequest, type NodeAdminRequest } from "../api/nodes.ts";
import { SiteList, SiteSummary, UNNAMED_SITE } from "../api/sites.ts";
import { Problem } from "../api/problem.ts";
import { Diagnosis } from "../domain/diagnosis.ts";
import type { JobState, JobSubmission } from "../domain/job.ts";
import { ERRORS, type ErrorCode } from "../error-codes.ts";
import { DroverError } from "../errors.ts";
import { parseEventStream } from "./event-stream.ts";
import { tlsProblemOf } from "./tls-problem.ts";

export const DEFAULT_COORDINATOR_URL = "http://127.0.0.1:7070";

export interface JobFilter {
  state?: JobState;
  name?: string;
  label?: string;
  limit?: number;
  cursor?: string;
}

export interface OutputRequest {
  task?: number;
  attempt?: number;
  offset?: number;
  follow?: boolean;
  signal?: AbortSignal;
}

export interface OutputStream {
  /** Number of the attempt that the first byte belongs to. */
  attemptNumber: number;
  bytes: AsyncIterable<Uint8Array>;
}

export interface DroverClient {
  submitJob(job: JobSubmission, options?: { idempotencyKey?: string }): Promise<Job>;
  /** Newest first. */
  listJobs(filter?: JobFilter): Promise<JobList>;
  /** With up to 1,000 of its tasks, or `limit`, from index `fromTask` on. */
  getJob(jobId: number, fromTask?: number, limit?: number): Promise<JobDetail>;
  cancelJob(jobId: number): Promise<Job>;
  readOutput(jobId: number, request?: OutputRequest): Promise<OutputStream>;
  listNodes(): Promise<NodeList>;
  getNode(idOrName: string): Promise<NodeDetail>;
  acceptHardware(idOrName: string): Promise<NodeDetail>;
  /** Has the node look at everything on its machine: takes some seconds. */
  /** Resolves when the node is about to restart as that version. */
  upgradeNode(idOrName: string, version: string): Promise<NodeDetail>;
  diagnose(idOrName: string, request?: DiagnoseRequest): Promise<Diagnosis>;
  /** Gives a GPU back that is in quarantine. */
  releaseGpu(idOrName: string, gpu: string): Promise<NodeDetail>;
  /** Cordons, drains or uncordons it. */
  setNodeAdmin(idOrName: string, request: NodeAdminRequest): Promise<NodeDetail>;
  /** It will not come back: what it ran goes to other nodes once that is safe. */
  declareNodeGone(idOrName: string): Promise<NodeDetail>;
  listSites(): Promise<SiteList>;
  /** As `declareNodeGone`, of every node of a site; `null`: of those that name none. */
  declareSiteGone(name: string | null): Promise<SiteSummary>;
  listModels(): Promise<ModelList>;
  /** With up to 1,000 of its files, from number `fromFile` on. */
  getModel(name: string, fromFile?: number): Promise<ModelDetail>;
  /** Resolves the reference, which may take some seconds, and keeps what it found. */
  addModel(request: ModelAddRequest): Promise<Model>;
  removeModel(name: string): Promise<Model>;
  placeModel(name: string, request: ModelPlaceRequest): Promise<Model>;
  unplaceModel(name: string, request: ModelUnplaceRequest): Promise<Model>;
  /** Of one node, or of all. */
  listPlacements(node?: string): Promise<PlacementList>;
  listTokens(): Promise<TokenList>;
  /** The answer holds the token, this once. */
  createToken(request: TokenCreateRequest): Promise<CreatedToken>;
  revokeToken(name: string): Promise<Token>;
  /** The answer holds the join token, this once. */
  createInvite(request: InviteRequest): Promise<CreatedInvite>;
  /** Newest first, those too that are no longer good. */
  listInvites(): Promise<InviteList>;
  revokeInvite(id: string): Promise<Invite>;
  listPending(): Promise<PendingEnrolments>;
  approveNode(idOrName: string): Promise<Enrolment>;
  /** Its key is worth nothing from then on, and its connection is cut. */
  removeNode(idOrName: string): Promise<Enrolment>;
  /** Newest first. */
  readAudit(query?: Partial<AuditQuery>): Promise<AuditList>;
  /** Ends with the last event there is, or never with `follow`. */
  readEvents(options?: { since?: number; follow?: boolean; signal?: AbortSignal }): AsyncIterable<StoredEvent>;
}

export interface ClientOptions {
  /** Asked anew for each request: a token may be exchanged while a client follows a job for days. */
  token?: () => string | null;
}

/**
 * The typed client of the HTTP API. Every failure is a `DroverError`: the coordinator's own code, or
 * `coordinator.unreachable` where nothing answers.
 */
export function createClient(coordinatorUrl: string, { token = () => null }: ClientOptions = {}): DroverClient {
  async function request(path: string, init: RequestInit = {}): Promise<Response> {
    let response: Response;
    try {
      const bearer = token();
      const headers = { ...(init.headers as Record<string, string> | undefined) };
      if (bearer !== null) headers["authorization"] = `Bearer ${bearer}`;
      response = await fetch(new URL(path, coordinatorUrl), { ...init, headers });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw notReached(coordinatorUrl, error);
    }
    if (!response.ok) throw await errorOf(response, coordinatorUrl);
    return response;
  }

  async function json<T>(schema: z.ZodType<T>, path: string, init?: RequestInit): Promise<T> {
    const response = await request(path, init);
    return schema.parse(JSON.parse(await textOf(response, coordinatorUrl)));
  }

  function send<T>(method: "POST" | "PUT", schema: z.ZodType<T>, path: string, body: unknown): Promise<T> {
    return json(schema, path, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  }

  return {
    submitJob(job, options = {}) {
      const headers: Record<string, string> = { "content-type": "application/json" };
      if (options.idempotencyKey !== undefined) headers["idempotency-key"] = options.idempotencyKey;
      return json(Job, "/v1/jobs", { method: "POST", headers, body: JSON.stringify(job) });
    },
    listJobs: (filter = {}) => json(JobList, `/v1/jobs${queryString({ ...filter })}`),
    getJob: (jobId, fromTask, limit) => json(JobDetail, `/v1/jobs/${jobId}${queryString({ fromTask, limit })}`),
    cancelJob: (jobId) => json(Job, `/v1/jobs/${jobId}/cancel`, { method: "POST" }),
    async readOutput(jobId, { signal, ...query } = {}) {
      const path = `/v1/jobs/${jobId}/output${queryString(query)}`;
      const response = await request(path, signal ? { signal } : {});
      return {
        attemptNumber: Number(response.headers.get(ATTEMPT_HEADER)),
        bytes: bytesOf(response, coordinatorUrl, signal),
      };
    },
    listNodes: () => json(NodeList, "/v1/nodes"),
    getNode: (idOrName) => json(NodeDetail, `/v1/nodes/${encodeURIComponent(idOrName)}`),
    acceptHardware: (idOrName) =>
      json(NodeDetail, `/v1/nodes/${encodeURIComponent(idOrName)}/accept-hardware`, { method: "POST" }),
    upgradeNode: (idOrName, version) =>
      send("POST", NodeDetail, `/v1/nodes/${encodeURIComponent(idOrName)}/upgrade`, { version }),
    diagnose: (idOrName, body = {}) =>
      send("POST", Diagnosis, `/v1/nodes/${encodeURIComponent(idOrName)}/diagnose`, body),
    releaseGpu: (idOrName, gpu) =>
      json(NodeDetail, `/v1/nodes/${encodeURIComponent(idOrName)}/gpus/${encodeURIComponent(gpu)}/release`, {
        method: "POST",
      }),
    setNodeAdmin: (idOrName, body) => send("PUT", NodeDetail, `/v1/nodes/${encodeURIComponent(idOrName)}/admin`, body),
    declareNodeGone: (idOrName) =>
      json(NodeDetail, `/v1/nodes/${encodeURIComponent(idOrName)}/gone`, { method: "POST" }),
    listSites: () => json(SiteList, "/v1/sites"),
    declareSiteGone: (name) =>
      json(SiteSummary, `/v1/sites/${encodeURIComponent(name ?? UNNAMED_SITE)}/gone`, { method: "POST" }),
    listModels: () => json(ModelList, "/v1/models"),
    getModel: (name, fromFile) =>
      json(ModelDetail, `/v1/models/${encodeURIComponent(name)}${queryString({ fromFile })}`),
    addModel: (body) => send("POST", Model, "/v1/models", body),
    removeModel: (name) => json(Model, `/v1/models/${encodeURIComponent(name)}/remove`, { method: "POST" }),
    placeModel: (name, body) => send("POST", Model, `/v1/models/${encodeURIComponent(name)}/place`, body),
    unplaceModel: (name, body) => send("POST", Model, `/v1/models/${encodeURIComponent(name)}/unplace`, body),
    listPlacements: (node) => json(PlacementList, `/v1/placements${queryString({ node })}`),
    listTokens: () => json(TokenList, "/v1/tokens"),
    createToken: (body) => send("POST", CreatedToken, "/v1/tokens", body),
    revokeToken: (name) => json(Token, `/v1/tokens/${encodeURIComponent(name)}/revoke`, { method: "POST" }),
    createInvite: (body) => send("POST", CreatedInvite, "/v1/invites", body),
    listInvites: () => json(InviteList, "/v1/invites"),
    revokeInvite: (id) => json(Invite, `/v1/invites/${encodeURIComponent(id)}/revoke`, { method: "POST" }),
    listPending: () => json(PendingEnrolments, "/v1/enrolments/pending"),
    approveNode: (idOrName) => json(Enrolment, `/v1/nodes/${encodeURIComponent(idOrName)}/approve`, { method: "POST" }),
    removeNode: (idOrName) => json(Enrolment, `/v1/nodes/${encodeURIComponent(idOrName)}/remove`, { method: "POST" }),
    readAudit: (query = {}) => json(AuditList, `/v1/audit${queryString({ ...query })}`),
    async *readEvents({ signal, ...query } = {}) {
      const response = await request(`/v1/events${queryString(query)}`, signal ? { signal } : {});
      for await (const data of parseEventStream(bytesOf(response, coordinatorUrl, signal))) {
        yield StoredEvent.parse(JSON.parse(data));
      }
    },
  };
}

async function* bytesOf(response: Response, coordinatorUrl: string, signal?: AbortSignal): AsyncIterable<Uint8Array> {
  if (!response.body) return;
  try {
    for await (const chunk of response.body) yield chunk;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable(coordinatorUrl, error);
  }
}

function notReached(coordinatorUrl: string, cause: unknown): DroverError {
  const problem = tlsProblemOf(cause);
  if (problem === null) return unreachable(coordinatorUrl, cause);
  return new DroverError("tls.untrusted", `What answers at ${coordinatorUrl} is not to be trusted: ${problem}.`, {
    cause,
  });
}

function unreachable(coordinatorUrl: string, cause: unknown): DroverError {
  return new DroverError("coordinator.unreachable", `No coordinator answers at ${coordinatorUrl}.`, { cause });
}

/** A coordinator may die between the head of its answer and the end of the body. */
async function textOf(response: Response, coordinatorUrl: string): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    throw unreachable(coordinatorUrl, error);
  }
}

async function errorOf(response: Response, coordinatorUrl: string): Promise<DroverError> {
  const text = await textOf(response, coordinatorUrl);
  const problem = Problem.safeParse(safeJson(text));
  if (!problem.success || !(problem.data.code in ERRORS)) {
    return new DroverError("internal", `${response.url} answered ${response.status}: ${text.slice(0, 200)}`);
  }
  const { code, detail, type: _type, title: _title, status: _status, ...details } = problem.data;
  return new DroverError(code as ErrorCode, detail, { details });
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function queryString(values: Record<string, string | number | boolean | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, String(value));
  return query.size > 0 ? `?${query}` : "";
}
