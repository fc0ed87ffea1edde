import { dirname, join } from "node:path";

export const CHECKOUT = dirname(dirname(import.meta.dirname));

/** Everything the local fleet writes; elsewhere than in the checkout for whoever says so, such as a test. */
const DATA_ROOT = process.env["DROVER_LOCAL_DATA"] ?? join(CHECKOUT, ".drover");

export const DATA = {
  coordinator: join(DATA_ROOT, "coordinator"),
  agent: join(DATA_ROOT, "agent"),
  logs: join(DATA_ROOT, "logs"),
};

/** The admin's: `drover` in this checkout reads it by itself. */
export const TOKEN_FILE = join(DATA.coordinator, "local-token");

export const NODE_NAME = "local";
