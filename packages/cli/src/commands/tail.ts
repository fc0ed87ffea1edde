import type { StoredEvent } from "@drover/shared/api/events.ts";
import type { Command } from "commander";
import { ExitCode } from "../exit-codes.ts";
import { tell, type Invocation, type Invoke } from "../invocation.ts";
import { isConnectionLoss, Reconnector } from "../reconnector.ts";
import { renderEvent } from "../render/event.ts";
import { parseNatural } from "./arguments.ts";

/** Before a stream that ended is opened again. */
const PAUSE_MS = 200;

interface TailOptions {
  since?: number;
  follow: boolean;
}

export function registerTail(program: Command, invoke: Invoke): void {
  program
    .command("tail")
    .description("Print what happens in the fleet, as it happens.")
    .option(
      "--since <event>",
      "begin after the event of this id; 0 for everything the coordinator remembers",
      parseNatural,
    )
    .option("--no-follow", "end with the last event there is")
    .action((options: TailOptions, command: Command) =>
      invoke(command, (invocation) => tailEvents(invocation, options)),
    );
}

async function tailEvents({ client, shell, asJson }: Invocation, options: TailOptions): Promise<number> {
  const reconnector = new Reconnector({ clock: shell.clock, tell: (sentence) => tell(shell, sentence) });
  const print = (event: StoredEvent): Promise<void> =>
    shell.write(asJson ? `${JSON.stringify(event)}\n` : renderEvent(event));
  let since = options.since;
  async function readOn(): Promise<void> {
    const query = since === undefined ? {} : { since };
    for await (const event of client.readEvents({ ...query, follow: options.follow })) {
      await print(event);
      since = event.id;
    }
  }

  const askSomethingSmall = (): Promise<unknown> => client.listJobs({ limit: 1 });
  // An address that is wrong from the start is not waited for.
  await askSomethingSmall();
  for (;;) {
    try {
      await readOn();
      if (!options.follow) return ExitCode.ok;
    } catch (error) {
      if (!isConnectionLoss(error)) throw error;
    }
    // The stream ended because the coordinator stops, or is gone.
    await reconnector.pause(PAUSE_MS);
    await reconnector.request(askSomethingSmall);
  }
}
