import { z } from "zod";

/** The words that a query string may use for yes and no; a bare `?follow` is yes. */
export const QueryFlag = z
  .enum(["true", "false", "1", "0", ""])
  .default("false")
  .transform((text) => text !== "false" && text !== "0");
