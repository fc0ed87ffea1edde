import type { Dial } from "@drover/agent/link/socket.ts";
import type { CoordinatorHost } from "../coordinator/coordinator-host.ts";
import { Connection, type End } from "../world/network.ts";
import type { Process } from "../world/process.ts";
import type { NodeMachine } from "./node-machine.ts";
import { asVersion1 } from "./version-1.ts";

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** How long the agent's `ws` waits for the answer to its close frame. */
const CLOSE_PATIENCE_MS = 1_000;

/** What the agent's real `dialWebSocket` does, over the simulated network. */
export function dialFrom(machine: NodeMachine, process: Process, coordinator: CoordinatorHost): Dial {
  return (_url, events) => {
    process.mustLive();
    const { timeline, random, path } = machine;
    let end: End | null = null;
    let isOver = false;
    const fail = (reason: string): void => {
      if (end || isOver) return;
      isOver = true;
      process.run(() => events.onClosed(reason));
    };
    process.after(HANDSHAKE_TIMEOUT_MS, () => fail("Opening handshake has timed out"));
    const roundTripMs = path.latencyMs * (1 + random.fraction());
    timeline.after(roundTripMs / 2, () => {
      if (isOver || !process.isAlive || path.isCut("up")) return;
      // A coordinator that sleeps has a kernel that takes the connection, and answers when it wakes.
      const server = coordinator.process;
      if (!server || !coordinator.control) return void timeline.after(roundTripMs / 2, () => fail("ECONNREFUSED"));
      server.run(() => {
        if (isOver || !process.isAlive || path.isCut("down")) return;
        const connection = new Connection(timeline, random, path, process, server);
        // What arrives with the answer to the handshake waits in the agent's kernel.
        const early: string[] = [];
        connection.agentEnd.events = {
          onFrame: (frame) => void (typeof frame === "string" && early.push(frame)),
          onClosed: () => {},
        };
        if (!coordinator.accept(connection, machine)) return;
        timeline.after(roundTripMs / 2, () => {
          if (isOver || !process.isAlive) return connection.agentEnd.vanish(true);
          if (!connection.agentEnd.isOpen) return fail("connection reset");
          end = connection.agentEnd;
          end.events = {
            onFrame(frame) {
              events.onHeard();
              if (typeof frame === "string") events.onText(frame);
            },
            onClosed: (reason) => events.onClosed(reason),
          };
          process.run(() => {
            if (!end?.isOpen) return;
            events.onOpen();
            for (const frame of early) end.events?.onFrame(frame);
          });
        });
      });
    });
    return {
      sendText: (text) => process.effect(() => end?.send(machine.protocolVersion === 1 ? asVersion1(text) : text)),
      // The frame's memory is used again once it is flushed.
      sendBinary: (frame, onFlushed) => process.effect(() => end?.send(new Uint8Array(frame), onFlushed)),
      bufferedBytes: () => end?.bufferedBytes ?? 0,
      close: () => process.effect(() => (end ? end.close("the agent stops", CLOSE_PATIENCE_MS) : fail("closed"))),
      terminate: () => process.effect(() => (end ? end.terminate() : fail("terminated"))),
    };
  };
}
