import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { connect, createServer } from "node:net";
import { CHECKOUT } from "./paths.mjs";

/**
 * Waits until no other bootstrap works on this checkout, and keeps others out until the returned
 * function is called or this process ends.
 *
 * The lock is a listening socket in Linux's abstract namespace (unix(7)): the kernel takes it back with
 * its process, so a killed bootstrap leaves nothing stale behind, and who waits is told the moment its
 * connection closes instead of asking again and again.
 */
export async function lockCheckout() {
  // Elsewhere there is no such namespace, and nothing but a second `npm start` in the same minute to fear.
  if (process.platform !== "linux") return () => {};
  const name = `\0drover-bootstrap-${createHash("sha256").update(realpathSync(CHECKOUT)).digest("hex").slice(0, 32)}`;
  for (;;) {
    const unlock = await tryListen(name);
    if (unlock) return unlock;
    await closeOfHolder(name);
  }
}

function tryListen(name) {
  return new Promise((resolve, reject) => {
    const waiting = new Set();
    const server = createServer((socket) => {
      waiting.add(socket);
      socket.on("error", () => {});
    });
    server.unref();
    server.once("error", (error) =>
      error.code === "EADDRINUSE"
        ? resolve(null)
        : reject(new Error("the checkout cannot be locked", { cause: error })),
    );
    server.listen(name, () =>
      resolve(() => {
        server.close();
        for (const socket of waiting) socket.destroy();
      }),
    );
  });
}

function closeOfHolder(name) {
  return new Promise((resolve) => {
    const socket = connect(name);
    socket.on("error", () => {}); // The holder ended between our two attempts: `close` follows.
    socket.on("close", resolve);
    socket.resume();
  });
}
