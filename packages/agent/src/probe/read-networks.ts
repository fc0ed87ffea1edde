import { createSocket } from "node:dgram";
import { networkInterfaces } from "node:os";
import type { Clock } from "@drover/shared/clock.ts";
import type { NetworkInterface } from "@drover/shared/domain/machine.ts";
import type { MachineFiles } from "./machine-files.ts";
import { OF_GUESTS } from "./parse/load.ts";

const ROUTE_TIMEOUT_MS = 2_000;

/** `towards`: the host whose route says which of our addresses others reach. */
export async function readNetworks(
  files: MachineFiles,
  towards: string | null,
  clock: Clock,
): Promise<NetworkInterface[]> {
  const own = towards === null ? null : await addressTowards(towards, clock);
  return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) => {
    const usable = addresses.filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => address);
    if (OF_GUESTS.test(name) || usable.length === 0) return [];
    return [
      { name, addresses: usable, speedMbit: readSpeed(files, name), isPrimary: own !== null && usable.includes(own) },
    ];
  });
}

/** The kernel says -1, or nothing, for a link without a speed. */
function readSpeed(files: MachineFiles, name: string): number | null {
  const speed = Number(files.read(`/sys/class/net/${name}/speed`)?.trim() ?? Number.NaN);
  return Number.isInteger(speed) && speed > 0 ? speed : null;
}

/** Connecting a UDP socket sends nothing: it only asks the kernel for the route. */
function addressTowards(host: string, clock: Clock): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    const finish = (address: string | null) => {
      cancel();
      socket.close();
      resolve(address);
    };
    const cancel = clock.callAfter(ROUTE_TIMEOUT_MS, () => finish(null));
    socket.once("error", () => finish(null));
    socket.once("connect", () => finish(socket.address().address));
    socket.connect(9, host);
  });
}
