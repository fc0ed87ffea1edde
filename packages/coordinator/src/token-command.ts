import { systemClock } from "@drover/shared/clock.ts";
import { Tokens } from "./access/tokens.ts";
import { withAccessStore } from "./store/open-access.ts";

/** `token reset-admin`: the new token, shown to whoever can write to the data directory. */
export function resetAdmin(dataDir: string): string {
  return withAccessStore(dataDir, (access) => new Tokens(access, systemClock, null).resetAdmin());
}
