import { dirname, join } from "node:path";

export const CHECKOUT = dirname(dirname(import.meta.dirname));

/** Everything the local fleet writes. */
export const DATA = {
  coordinator: join(CHECKOUT, ".drover", "coordinator"),
  agent: join(CHECKOUT, ".drover", "agent"),
  logs: join(CHECKOUT, ".drover", "logs"),
};

export const NODE_NAME = "local";
