/**
 * Clients that submit one job after the other, each on a connection of its own. Plain sockets and a
 * request that is written once: on two cores, what the load costs is missing on the other side.
 */
import { connect, type Socket } from "node:net";

interface Options {
  url: string;
  token: string;
  clients: number;
  jobs: number;
  /** The body of each submission. */
  job: object;
}

export interface Submitted {
  /** Epoch milliseconds, just before the first request was sent. */
  firstSentAtMs: number;
  elapsedMs: number;
  p50Ms: number;
  p99Ms: number;
}

const { url, token, clients, jobs, job } = JSON.parse(process.argv[2] ?? "{}") as Options;
const { hostname, port, host } = new URL(url);
const body = JSON.stringify(job);
const request = Buffer.from(
  `POST /v1/jobs HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\n` +
    `authorization: Bearer ${token}\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
);

const latenciesMs: number[] = [];
let sent = 0;

/** Resolves when there is nothing left to submit. */
function submitInTurn(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let sentAt = 0;
    let answer = "";
    const next = (): void => {
      if (sent === jobs) {
        socket.end();
        resolve();
        return;
      }
      sent++;
      answer = "";
      sentAt = performance.now();
      socket.write(request);
    };
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
      if (!isWhole(answer)) return;
      if (!answer.startsWith("HTTP/1.1 201")) {
        reject(new Error(answer));
        return;
      }
      latenciesMs.push(performance.now() - sentAt);
      next();
    });
    socket.on("error", reject);
    next();
  });
}

function isWhole(answer: string): boolean {
  const headEnd = answer.indexOf("\r\n\r\n");
  if (headEnd === -1) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(answer.slice(0, headEnd))?.[1];
  if (length === undefined) throw new Error(`an answer without a length: ${answer}`);
  return answer.length === headEnd + 4 + Number(length);
}

function open(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true }, () => resolve(socket));
    socket.once("error", reject);
  });
}

const sockets = await Promise.all(Array.from({ length: clients }, open));
const firstSentAtMs = performance.timeOrigin + performance.now();
await Promise.all(sockets.map(submitInTurn));
const elapsedMs = performance.timeOrigin + performance.now() - firstSentAtMs;

latenciesMs.sort((a, b) => a - b);
const at = (share: number): number => latenciesMs[Math.floor(share * (latenciesMs.length - 1))] ?? Number.NaN;
const submitted: Submitted = { firstSentAtMs, elapsedMs, p50Ms: at(0.5), p99Ms: at(0.99) };
process.stdout.write(JSON.stringify(submitted));
