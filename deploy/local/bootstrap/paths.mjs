import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the checkout, whatever directory the command was typed in. */
export const CHECKOUT = resolve(fileURLToPath(new URL("../../..", import.meta.url)));

/** What Drover makes for itself in the checkout; ignored by git, and safe to delete while nothing runs. */
export const STATE_DIRECTORY = join(CHECKOUT, ".drover");
