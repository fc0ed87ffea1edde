/** Reads one task's output to its end, as a follower would, and throws the bytes away. */
import { request } from "undici";

interface Options {
  url: string;
  token: string;
  jobId: number;
}

export interface Followed {
  bytes: number;
  /** Epoch milliseconds. */
  lastByteAtMs: number;
}

const { url, token, jobId } = JSON.parse(process.argv[2] ?? "{}") as Options;
const { statusCode, body } = await request(`${url}/v1/jobs/${jobId}/output?follow=true`, {
  bodyTimeout: 0,
  headers: { authorization: `Bearer ${token}` },
});
if (statusCode !== 200) throw new Error(`${statusCode}: ${await body.text()}`);
let bytes = 0;
for await (const chunk of body as AsyncIterable<Buffer>) bytes += chunk.byteLength;
const followed: Followed = { bytes, lastByteAtMs: performance.timeOrigin + performance.now() };
process.stdout.write(JSON.stringify(followed));
