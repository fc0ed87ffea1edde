import { z } from "zod";
import { PinnedSource, RevisionId } from "./model.ts";

/** One revision on one node. */
export const PlacementState = {
  /** The node is to have it and has not said anything of it yet. */
  wanted: "wanted",
  pulling: "pulling",
  /** All bytes are there; what they are is being found out. */
  verifying: "verifying",
  /** Every file of the manifest is on that disk with its hash. */
  ready: "ready",
  /** It could not be brought; it is tried again at a stated time. */
  failed: "failed",
  /** It is being removed. */
  evicting: "evicting",
  /** It is not there any more. */
  gone: "gone",
} as const;
export type PlacementState = (typeof PlacementState)[keyof typeof PlacementState];

/** A node may find at any time that what it had is damaged or gone: then it brings it again. */
export const PLACEMENT_TRANSITIONS: Readonly<Record<PlacementState, readonly PlacementState[]>> = {
  wanted: ["pulling", "verifying", "ready", "failed", "evicting", "gone"],
  pulling: ["wanted", "verifying", "ready", "failed", "evicting", "gone"],
  verifying: ["wanted", "pulling", "ready", "failed", "evicting", "gone"],
  ready: ["wanted", "pulling", "verifying", "failed", "evicting", "gone"],
  failed: ["wanted", "pulling", "verifying", "ready", "evicting", "gone"],
  evicting: ["wanted", "gone"],
  gone: [],
};

/** Why a node could not bring a revision. */
export const PLACEMENT_PROBLEMS = {
  sourceUnavailable: {
    text: "the source does not answer, or breaks off",
    advice: "check the node's way to it: DNS, proxies, firewall",
  },
  accessDenied: {
    text: "the source does not give the files out",
    advice: "see `drover model NAME`; a gated or private repository needs the coordinator's --hf-token-file",
  },
  rateLimited: {
    text: "the source takes no more requests from this node for a while",
    advice: "wait; it is tried again when the source says",
  },
  missingFile: {
    text: "the source no longer has a file of the manifest",
    advice: "add the model anew from a revision that is still there",
  },
  wrongBytes: {
    text: "the source gives other bytes than its manifest states",
    advice: "look for a proxy that changes what passes through it; if there is none, the source is damaged",
  },
  diskFull: {
    text: "there is no room for it on the node's disk",
    advice: "free the space that the message names, or remove a model that is not needed there",
  },
  diskFailed: {
    text: "the node's disk does not take it",
    advice: "see `drover doctor NODE`",
  },
  badManifest: {
    text: "its files have names that may not be written to a disk",
    advice: "remove the model; a coordinator of this release does not take such a one in",
  },
  noManifest: {
    text: "the coordinator did not say what it consists of",
    advice: "see the coordinator's log",
  },
} as const satisfies Record<string, { text: string; advice: string }>;
export type PlacementProblemCode = keyof typeof PLACEMENT_PROBLEMS;
export const PLACEMENT_PROBLEM_CODES = Object.keys(PLACEMENT_PROBLEMS) as [
  PlacementProblemCode,
  ...PlacementProblemCode[],
];

export const PlacementProblem = z.object({ code: z.enum(PLACEMENT_PROBLEM_CODES), message: z.string().max(1000) });
export type PlacementProblem = z.infer<typeof PlacementProblem>;

/** What a node has of one revision, as it sees it; repeated in each hello. */
export const PlacementReport = z.object({
  revisionId: RevisionId,
  state: z.enum(["pulling", "verifying", "ready", "failed", "gone"]),
  /** Verified or not. */
  bytesDone: z.int().nonnegative(),
  /** Of the last seconds. */
  bytesPerSecond: z.int().nonnegative(),
  problem: PlacementProblem.nullable(),
  retryAtMs: z.int().nonnegative().max(8.64e15).nullable(),
});
export type PlacementReport = z.infer<typeof PlacementReport>;

/** What should be true of one revision on a node. A node leaves alone what it holds and is told nothing of. */
export const DesiredPlacement = z.object({
  revisionId: RevisionId,
  /** `cache`: it may stay as long as there is room, the least recently held leaves first. */
  desired: z.enum(["hold", "cache", "evict"]),
  source: PinnedSource,
  fileCount: z.int().nonnegative(),
  sizeBytes: z.int().nonnegative(),
  /** Where its files are asked for without a token; `null`: each by an address that the coordinator is asked for. */
  endpoint: z.string().nullable(),
});
export type DesiredPlacement = z.infer<typeof DesiredPlacement>;
