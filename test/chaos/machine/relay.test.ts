import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { waitFor } from "../../support/wait-for.ts";
import { Relay } from "./relay.ts";

let server: Server;
let relay: Relay;
/** What the far side got, and its connections. */
let received: string;
let accepted: Socket[];
const opened: Socket[] = [];

beforeEach(async () => {
  received = "";
  accepted = [];
  server = createServer((socket) => {
    accepted.push(socket);
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => (received += chunk.toString()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  relay = await Relay.listen({ host: "127.0.0.1", port: 0 }, { host: "127.0.0.1", port });
});

afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy();
  for (const socket of accepted) socket.destroy();
  relay.close();
  server.close();
});

/** A client of the relay; what it got, and whether it is still connected. */
function dial(): { socket: Socket; got: () => string; isClosed: () => boolean } {
  const socket = connect(relay.port, "127.0.0.1");
  opened.push(socket);
  let text = "";
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return { socket, got: () => text, isClosed: () => socket.destroyed };
}

describe("a relay", () => {
  test("passes bytes both ways, and the end of each", async () => {
    const client = dial();
    client.socket.write("up");
    await waitFor("the bytes", () => received === "up");
    accepted[0]?.end("down");
    await waitFor("the answer", () => client.got() === "down" && client.isClosed());
  });

  test("holds one direction back while the other flows, and loses nothing of it", async () => {
    const client = dial();
    client.socket.write("1");
    await waitFor("the connection", () => received === "1");
    relay.block(["up"]);
    client.socket.write("2");
    accepted[0]?.write("still here");
    await waitFor("the other direction", () => client.got() === "still here");
    expect(received).toBe("1");
    relay.block([]);
    await waitFor("what was held back", () => received === "12");
  });

  test("lets a new connection wait until the way is free", async () => {
    relay.block(["down"]);
    const client = dial();
    client.socket.write("hello");
    await waitFor("the near end", () => client.socket.readyState === "open");
    expect(accepted).toEqual([]);
    relay.block([]);
    await waitFor("the bytes", () => received === "hello");
  });

  test("says nothing of a peer that is gone while the way to it is blocked", async () => {
    const client = dial();
    client.socket.write("1");
    await waitFor("the connection", () => received === "1");
    relay.block(["up", "down"]);
    client.socket.destroy();
    await waitFor("the near end", () => client.isClosed());
    expect(accepted[0]?.destroyed).toBe(false);
    relay.block([]);
    await waitFor("the far end to hear of it", () => accepted[0]?.destroyed === true);
  });

  test("resets what is open and refuses what is new", async () => {
    const client = dial();
    client.socket.write("1");
    await waitFor("the connection", () => received === "1");
    relay.refuse(true);
    relay.reset();
    await waitFor("the reset", () => client.isClosed() && accepted[0]?.destroyed === true);
    const second = dial();
    await waitFor("the refusal", () => second.isClosed());
    relay.refuse(false);
    dial().socket.write("2");
    await waitFor("a new connection", () => received === "12");
  });
});
