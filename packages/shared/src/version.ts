/** Of the whole product: coordinator, agent and CLI are released together. */
export const DROVER_VERSION = "0.1.0";
