import type { z } from "zod";
import type { Clock } from "@drover/shared/clock.ts";
import { parseRetryAfter } from "@drover/shared/domain/source-answers.ts";
import { DroverError } from "@drover/shared/errors.ts";
import { nextPage } from "./hub-answers.ts";
import { errorFor, rateLimited } from "./hub-errors.ts";
import { isHubToken } from "./hub-token.ts";

export interface HubOptions {
  /** https://huggingface.co, or a mirror of it. */
  endpoint: string;
  /** Read anew for each request, because it may be exchanged; `null` where there is none. */
  readToken: () => string | null;
  clock: Clock;
}

export interface HubRequest {
  method?: "GET" | "HEAD";
  /** Beginning with `/`. */
  path: string;
  /** For messages. */
  repository: string;
}

const REQUEST_TIMEOUT_MS = 30_000;
const LIST_TIMEOUT_MS = 120_000;
const MAX_PAGES = 1000;
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
const MAX_REDIRECTS = 5;
const MAX_TRIES = 4;
const FIRST_PAUSE_MS = 250;
/** Longer than this nobody waits at a terminal: they are told when. */
const MAX_RATE_LIMIT_WAIT_MS = 20_000;
const DEFAULT_RATE_LIMIT_WAIT_MS = 60_000;

/** The Hub's HTTP API. The token goes to the endpoint and nowhere else, whatever the Hub redirects to. */
export class HubClient {
  readonly #options: HubOptions;
  readonly #endpoint: URL;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#endpoint = new URL(options.endpoint);
  }

  get endpoint(): string {
    return this.#endpoint.href.replace(/\/+$/, "");
  }

  get hasToken(): boolean {
    return this.#options.readToken() !== null;
  }

  async json<T>(schema: z.ZodType<T>, request: HubRequest): Promise<{ value: T; headers: Headers }> {
    const response = await this.request(request);
    const value = schema.safeParse(parseJson(await textOf(response)));
    if (value.success) return { value: value.data, headers: response.headers };
    const [issue] = value.error.issues;
    throw unavailable(`answered otherwise than expected for ${request.repository}: ${issue?.message ?? "no JSON"}`);
  }

  /** A list that comes in pages, of which each names the next. Whoever reads it bounds what they keep. */
  async *pages<T>(schema: z.ZodType<T>, request: HubRequest): AsyncGenerator<T> {
    const { clock } = this.#options;
    const untilMs = clock.monotonicMs() + LIST_TIMEOUT_MS;
    const asked = new Set<string>();
    for (let path: string | null = request.path; path !== null;) {
      if (asked.has(path) || asked.size === MAX_PAGES) throw unavailable("gives a list without end");
      if (clock.monotonicMs() > untilMs) throw unavailable("takes too long over a list");
      asked.add(path);
      const page: { value: T; headers: Headers } = await this.json(schema, { ...request, path });
      yield page.value;
      const next = nextPage(page.headers.get("link"));
      path = next === null ? null : this.#pathOf(next);
    }
  }

  /** Any answer that is no error; a redirect to another origin, which is where a file's bytes are, is one. */
  async request(request: HubRequest): Promise<Response> {
    let response = await this.#askPatiently(request);
    let path = request.path;
    for (let count = 0; isRedirect(response); count++) {
      // A repository that was renamed, or a small file's other address: on the Hub itself.
      const target = URL.parse(response.headers.get("location") ?? "", this.#url(path));
      if (target === null || target.origin !== this.#endpoint.origin) return response;
      if (count === MAX_REDIRECTS) throw unavailable("redirects in a circle");
      path = this.#pathOf(target.href);
      response = await this.#askPatiently({ ...request, path });
    }
    if (response.ok) return response;
    await response.body?.cancel();
    const { status, headers } = response;
    const refusal = { status, code: headers.get("x-error-code"), message: headers.get("x-error-message") };
    throw errorFor(request.repository, refusal, this.hasToken);
  }

  /** A path on the Hub's own host out of an absolute address that it, or what it mirrors, gave. */
  #pathOf(address: string): string {
    const url = URL.parse(address, this.#endpoint.href);
    if (url === null) throw unavailable("gave an address that is none");
    const path = `${url.pathname}${url.search}`;
    return path.startsWith(`${this.#basePath}/`) ? path.slice(this.#basePath.length) : path;
  }

  async #askPatiently(request: HubRequest): Promise<Response> {
    let waitedMs = 0;
    for (let tryNumber = 1; ; tryNumber++) {
      const headers = this.#headers();
      const response = await this.#ask(request, headers).catch((error: unknown) => error);
      if (response instanceof Response && response.status !== 429 && response.status < 500) return response;
      const isLast = tryNumber >= MAX_TRIES;
      if (!(response instanceof Response)) {
        if (isLast) throw unavailable("does not answer", response);
      } else {
        await response.body?.cancel();
        if (isLast && response.status !== 429) return response;
      }
      const pauseMs = response instanceof Response ? pauseAsked(response, this.#options.clock.nowMs()) : null;
      waitedMs += pauseMs ?? 0;
      if (pauseMs !== null && (isLast || waitedMs > MAX_RATE_LIMIT_WAIT_MS)) throw rateLimited(pauseMs);
      await this.#sleep(pauseMs ?? FIRST_PAUSE_MS * 2 ** tryNumber);
    }
  }

  #headers(): Record<string, string> {
    const token = this.#options.readToken();
    if (token === null) return { "accept-encoding": "identity" };
    // Whoever is given a header that is none says in full what it was.
    if (!isHubToken(token)) throw new DroverError("model.tokenRefused", "The coordinator's token is none.");
    return { "accept-encoding": "identity", authorization: `Bearer ${token}` };
  }

  async #ask({ method = "GET", path }: HubRequest, headers: Record<string, string>): Promise<Response> {
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    return fetch(this.#url(path), { method, headers, redirect: "manual", signal });
  }

  #url(path: string): string {
    return `${this.endpoint}${path}`;
  }

  get #basePath(): string {
    return this.#endpoint.pathname.replace(/\/+$/, "");
  }

  #sleep(durationMs: number): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.callAfter(durationMs, resolve));
  }
}

function isRedirect({ status }: Response): boolean {
  return status >= 300 && status < 400;
}

/** How long the Hub asks to be left alone: `Retry-After`, or the `t` of its own `RateLimit` header. */
function pauseAsked({ status, headers }: Response, nowMs: number): number | null {
  if (status !== 429) return null;
  const text = headers.get("retry-after") ?? /\bt=(\d+)/.exec(headers.get("ratelimit") ?? "")?.[1];
  return parseRetryAfter(text, nowMs) ?? DEFAULT_RATE_LIMIT_WAIT_MS;
}

function unavailable(what: string, cause?: unknown): DroverError {
  return new DroverError("model.sourceUnavailable", `The Hub ${what}.`, { cause });
}

async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength;
      if (bytes > MAX_ANSWER_BYTES) throw unavailable("answers without end");
      text += decoder.decode(chunk, { stream: true });
    }
  } catch (error) {
    if (error instanceof DroverError) throw error;
    throw unavailable("broke off its answer", error);
  }
  return text + decoder.decode();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
