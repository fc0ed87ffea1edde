import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Cdn } from "./cdn.ts";
import { aRepository, commit, gitSha1Of, pointerTo, sha256Of, type HubFile, type HubRepository } from "./repository.ts";

/**
 * A Hugging Face Hub on loopback: two real HTTP servers, the Hub and the CDN of its large files. Behaves as the real
 * one does (docs/hub of huggingface/hub-docs, and what its answers show): trees in pages, redirects of both kinds, two
 * kinds of hashes, the errors of gated, private, renamed and missing repositories, and limits.
 */
export class LocalHub {
  readonly cdn = new Cdn();
  readonly repositories = new Map<string, HubRepository>();
  /** Tokens that mean somebody. */
  readonly tokens = new Set<string>();
  readonly requests: { method: string; path: string; token: string | null }[] = [];
  /** How many of the next requests are answered with 429, and how long they are told to wait. */
  limited = { count: 0, retryAfterSeconds: 0 };
  /** How many of the next requests are answered with 503. */
  unavailableCount = 0;
  pageSize = 1000;
  readonly #server: Server;
  readonly #cdnServer: Server;

  private constructor() {
    this.#server = createServer((request, response) => this.#serve(request, response));
    this.#cdnServer = createServer((request, response) => void this.cdn.serve(request, response));
  }

  static async start(): Promise<LocalHub> {
    const hub = new LocalHub();
    for (const server of [hub.#server, hub.#cdnServer])
      await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    return hub;
  }

  get url(): string {
    return originOf(this.#server);
  }

  /** A repository with one commit on `main`; says which. */
  publish(
    name: string,
    contents: Readonly<Record<string, string | Buffer>>,
    settings: Partial<HubRepository> = {},
  ): string {
    const repository = this.repositories.get(name) ?? aRepository();
    Object.assign(repository, settings);
    this.repositories.set(name, repository);
    return commit(repository, contents);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.#server, this.#cdnServer]) {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    }
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "/", this.url);
    const token = request.headers.authorization?.replace(/^Bearer /, "") ?? null;
    this.requests.push({ method: request.method ?? "GET", path: `${url.pathname}${url.search}`, token });
    if (this.limited.count > 0) {
      this.limited.count--;
      response.writeHead(429, {
        "retry-after": String(this.limited.retryAfterSeconds),
        ratelimit: `"api";r=0;t=${this.limited.retryAfterSeconds}`,
      });
      return void response.end();
    }
    if (this.unavailableCount > 0) {
      this.unavailableCount--;
      return void response.writeHead(503).end();
    }
    if (token !== null && !this.tokens.has(token))
      return refuse(response, 401, null, "Invalid credentials in Authorization header");
    this.#route(url, token, request, response);
  }

  #route(url: URL, token: string | null, request: IncomingMessage, response: ServerResponse): void {
    const [, api, repo, rest] =
      /^\/(api\/models\/|api\/resolve-cache\/models\/)?([^/]+\/[^/]+|[^/]+)\/((?:revision|tree|resolve)\/.*|[0-9a-f]{40}\/.*)$/.exec(
        url.pathname,
      ) ?? [];
    const name = repo ?? "";
    const repository = this.repositories.get(name);
    if (repository?.renamedTo) {
      const location = url.pathname.replace(name, repository.renamedTo) + url.search;
      return void response.writeHead(307, { location }).end();
    }
    const isHidden = repository === undefined || (repository.isPrivate && !isLetIn(repository, token));
    if (isHidden || rest === undefined)
      return refuse(response, token === null ? 401 : 404, "RepoNotFound", "Repository not found");
    const [kind = "", revision = "", ...path] = rest.split("/");
    if (api?.startsWith("api/resolve-cache")) {
      const [cacheCommit = "", ...cachePath] = rest.split("/");
      return this.#sendSmall(repository, cacheCommit, decodePath(cachePath), request, response);
    }
    const named = decodeURIComponent(revision);
    const commitId = repository.revisions.get(named) ?? (repository.files.has(named) ? named : null);
    if (commitId === null) return refuse(response, 404, "RevisionNotFound", `Invalid rev id: ${named}`);
    if (kind === "revision") return sendJson(response, infoOf(name, repository, commitId));
    if (kind === "tree") return this.#sendTree(repository, commitId, url, response);
    this.#resolve(name, repository, commitId, decodePath(path), token, response);
  }

  #sendTree({ files }: HubRepository, commitId: string, url: URL, response: ServerResponse): void {
    const entries = [...(files.get(commitId) ?? [])].map(([path, file]) => treeEntry(path, file));
    const from = Number(url.searchParams.get("cursor") ?? 0);
    const page = entries.slice(from, from + this.pageSize);
    const headers: Record<string, string> = {};
    if (from + page.length < entries.length) {
      url.searchParams.set("cursor", String(from + page.length));
      headers["link"] = `<${url.href}>; rel="next"`;
    }
    sendJson(response, page, headers);
  }

  #resolve(
    name: string,
    repository: HubRepository,
    commitId: string,
    path: string,
    token: string | null,
    response: ServerResponse,
  ): void {
    if (repository.isDisabled) return refuse(response, 403, null, "Access to this resource is disabled.");
    if (repository.gated !== false && !isLetIn(repository, token)) {
      const problem =
        token === null
          ? `Access to model ${name} is restricted. You must have access to it and be authenticated to access it. Please log in.`
          : `Access to model ${name} is restricted and you are not in the authorized list.`;
      return refuse(response, token === null ? 401 : 403, "GatedRepo", problem);
    }
    const file = repository.files.get(commitId)?.get(path);
    if (file === undefined) return refuse(response, 404, "EntryNotFound", "Entry not found");
    if (!file.isLarge) {
      const location = `/api/resolve-cache/models/${name}/${commitId}/${path.split("/").map(encodeURIComponent).join("/")}?etag=%22${gitSha1Of(file.content)}%22`;
      return void response.writeHead(307, { location, "x-repo-commit": commitId }).end();
    }
    const sha256 = sha256Of(file.content);
    const location = this.cdn.addressOf(file.content, sha256, originOf(this.#cdnServer));
    response.writeHead(302, {
      location,
      "x-repo-commit": commitId,
      "x-linked-size": String(file.content.byteLength),
      "x-linked-etag": `"${sha256}"`,
    });
    response.end();
  }

  #sendSmall(
    { files }: HubRepository,
    commitId: string,
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const content = files.get(commitId)?.get(path)?.content;
    if (content === undefined) return refuse(response, 404, "EntryNotFound", "Entry not found");
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    response.writeHead(start > 0 ? 206 : 200, {
      etag: `"${gitSha1Of(content)}"`,
      "x-repo-commit": commitId,
      "content-length": String(content.byteLength - start),
    });
    response.end(content.subarray(start));
  }
}

function isLetIn({ acceptedTokens }: HubRepository, token: string | null): boolean {
  return token !== null && acceptedTokens.has(token);
}

function infoOf(name: string, repository: HubRepository, commitId: string): object {
  const paths = [...(repository.files.get(commitId)?.keys() ?? [])];
  return {
    id: name,
    modelId: name,
    sha: commitId,
    private: repository.isPrivate,
    gated: repository.gated,
    disabled: repository.isDisabled,
    tags: [],
    siblings: paths.map((rfilename) => ({ rfilename })),
  };
}

function treeEntry(path: string, { content, isLarge }: HubFile): object {
  const size = content.byteLength;
  if (!isLarge) return { type: "file", path, size, oid: gitSha1Of(content) };
  const pointer = pointerTo(content);
  const lfs = { oid: sha256Of(content), size, pointerSize: pointer.byteLength };
  return { type: "file", path, size, oid: gitSha1Of(pointer), lfs, xetHash: sha256Of(pointer) };
}

function decodePath(parts: readonly string[]): string {
  return parts.map(decodeURIComponent).join("/");
}

function sendJson(response: ServerResponse, value: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
}

function refuse(response: ServerResponse, status: number, code: string | null, message: string): void {
  response.writeHead(status, {
    "content-type": "application/json",
    "x-error-message": message,
    ...(code !== null && { "x-error-code": code }),
  });
  response.end(JSON.stringify({ error: message }));
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
