import { createReadStream, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream";

/**
 * A source of models: `/ORG/NAME/resolve/COMMIT/PATH` is a file of the folder, in parts too. Prints its address, and
 * answers on `/sent` how many bytes it has sent.
 */
const { folder } = JSON.parse(process.argv[2] ?? "{}") as { folder: string };
let sentBytes = 0;

function serve(request: IncomingMessage, response: ServerResponse): void {
  if (request.url === "/sent") return void response.end(String(sentBytes));
  const path = join(folder, decodeURIComponent((request.url ?? "").replace(/^(\/[^/]+){4}/, "")));
  const { size } = statSync(path);
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
  const start = Number(range?.[1] ?? 0);
  const end = Math.min(Number(range?.[2] ?? size - 1), size - 1);
  response.writeHead(range ? 206 : 200, {
    "content-length": String(end - start + 1),
    ...(range && { "content-range": `bytes ${start}-${end}/${size}` }),
  });
  if (size === 0) return void response.end();
  const file = createReadStream(path, { start, end, highWaterMark: 256 * 1024 });
  file.on("data", (chunk) => (sentBytes += chunk.length));
  pipeline(file, response, () => {});
}

const server = createServer(serve);
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
