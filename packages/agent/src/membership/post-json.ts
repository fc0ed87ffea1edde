import { request as requestPlain } from "node:http";
import { request as requestTls } from "node:https";
import { Problem } from "@drover/shared/api/problem.ts";
import { tlsProblemOf } from "@drover/shared/client/tls-problem.ts";
import { ERRORS, type ErrorCode } from "@drover/shared/error-codes.ts";
import { DroverError } from "@drover/shared/errors.ts";
import type { Trust } from "./membership.ts";
import { authoritiesOf } from "./trusted-authorities.ts";

const TIMEOUT_MS = 30_000;

/**
 * `fetch` takes no authority of one's own. Rejects with the coordinator's own code, or `coordinator.unreachable`,
 * `tls.untrusted` or `agent.joinFailed`.
 */
export function postJson(url: URL, bearer: string, body: unknown, trust: Trust): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const options = {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${bearer}` },
    timeout: TIMEOUT_MS,
  };
  const request =
    url.protocol === "https:"
      ? requestTls(url, { ...options, ca: authoritiesOf(trust), rejectUnauthorized: true, agent: false })
      : requestPlain(url, { ...options, agent: false });
  request.on("response", (response) => {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => (text += chunk));
    response.on("error", (error) => reject(notReached(url, error)));
    response.on("end", () => {
      if (response.statusCode === 200) resolve(parsed(text));
      else reject(refusalOf(url, response.statusCode ?? 0, text));
    });
  });
  request.on("timeout", () => request.destroy(new Error("no answer in time")));
  request.on("error", (error) => reject(notReached(url, error)));
  request.end(JSON.stringify(body));
  return promise;
}

function notReached(url: URL, cause: Error): DroverError {
  const problem = tlsProblemOf(cause);
  if (problem !== null)
    return new DroverError("tls.untrusted", `What answers at ${url.host} is not to be trusted: ${problem}.`, { cause });
  return new DroverError("coordinator.unreachable", `No coordinator answers at ${url.host}: ${cause.message}.`, {
    cause,
  });
}

function refusalOf(url: URL, status: number, text: string): DroverError {
  const problem = Problem.safeParse(parsed(text));
  if (problem.success && problem.data.code in ERRORS)
    return new DroverError(problem.data.code as ErrorCode, problem.data.detail);
  return new DroverError("agent.joinFailed", `${url.host} answered ${status}: ${text.slice(0, 200)}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
