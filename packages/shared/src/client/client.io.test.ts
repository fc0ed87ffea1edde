import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createClient } from "./client.ts";

test.each([200, 503])(
  "an answer of %d that is cut off in the middle is a coordinator that cannot be reached",
  async (status) => {
    const server = createServer((request, response) => {
      response.writeHead(status, { "content-type": "application/json", "content-length": "1000" });
      response.write('{"id": ', () => request.socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const client = createClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await expect(client.getJob(1)).rejects.toMatchObject({ code: "coordinator.unreachable" });
  },
);
