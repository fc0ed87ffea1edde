/** Relays in a network namespace: `relay-program.ts FROM TO [FROM TO…]`, endpoints as JSON. Says `ready`. */
import { Relay, type Endpoint } from "./relay.ts";

const endpoints = process.argv.slice(2).map((text) => JSON.parse(text) as Endpoint);
for (let i = 0; i + 1 < endpoints.length; i += 2) await Relay.listen(endpoints[i]!, endpoints[i + 1]!);
process.stdout.write("ready\n");
// Ends with the run.
process.stdin.on("end", () => process.exit(0)).resume();
