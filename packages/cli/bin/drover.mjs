#!/usr/bin/env node
import { runOnNode24 } from "@drover/shared/run-on-node24.mjs";

await runOnNode24("drover", () => import("../src/main.ts"));
