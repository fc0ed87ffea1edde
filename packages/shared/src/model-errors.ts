/** The part of error-codes.ts that is about models. */
export const MODEL_ERRORS = {
  "model.notFound": {
    httpStatus: 404,
    meaning: "No model has this name.",
    advice: "See `drover models`; add one with `drover model add NAME hf://ORG/NAME`.",
  },
  "model.exists": {
    httpStatus: 409,
    meaning: "Another model has this name.",
    advice: "Take another name, or remove that one first: `drover model remove NAME`.",
  },
  "model.referenceInvalid": {
    httpStatus: 400,
    meaning: "This is no reference to a model.",
    advice: "Write hf://ORG/NAME, or hf://ORG/NAME@REVISION with a branch, a tag or a commit.",
  },
  "model.repositoryNotFound": {
    httpStatus: 422,
    meaning: "The Hub shows no such repository to this coordinator.",
    advice:
      "Check the name; a private repository needs a token that may read it, in the file of the coordinator's --hf-token-file.",
  },
  "model.revisionNotFound": {
    httpStatus: 422,
    meaning: "The repository has no such branch, tag or commit.",
    advice: "Look at the repository's branches and tags on the Hub.",
  },
  "model.gatedNoToken": {
    httpStatus: 422,
    meaning: "The repository is gated, and the coordinator has no token for the Hub.",
    advice:
      "Accept the licence on the repository's page, put a token of that account into a file, and start the coordinator with --hf-token-file FILE.",
  },
  "model.gatedNotAccepted": {
    httpStatus: 422,
    meaning: "The repository is gated, and the account of the coordinator's token has not been let in.",
    advice: "Ask for access on the repository's page with that account; where it is granted by hand, wait for it.",
  },
  "model.tokenRefused": {
    httpStatus: 422,
    meaning: "The Hub does not accept the coordinator's token, or the token may not read this repository.",
    advice: "Make a token with read access to the repository, and put it into the file of --hf-token-file.",
  },
  "model.takenDown": {
    httpStatus: 422,
    meaning: "The Hub has disabled the repository.",
    advice: "Use another one: its files are not given out any more.",
  },
  "model.rateLimited": {
    httpStatus: 503,
    meaning: "The Hub answers no more requests from here for a while.",
    advice: "Try again when it says; with a token (--hf-token-file) the limits are higher.",
  },
  "model.sourceUnavailable": {
    httpStatus: 502,
    meaning: "The Hub does not answer, or not as the Hub does.",
    advice: "Check the coordinator's way to it (--hf-endpoint, proxies, DNS), and try again.",
  },
  "model.manifestRefused": {
    httpStatus: 422,
    meaning: "The files of the repository cannot be taken as they are.",
    advice: "Leave out with --exclude what the message names, or use a repository without it.",
  },
  "placement.noRoom": {
    httpStatus: 409,
    meaning: "Too few nodes can hold the model.",
    advice: "Ask for fewer copies or other nodes, or make room: `drover model unplace NAME --on NODE`.",
  },
  "placement.notFound": {
    httpStatus: 404,
    meaning: "The model is on no such node.",
    advice: "See `drover models` for where it is.",
  },
  "placement.inUse": {
    httpStatus: 409,
    meaning: "An attempt uses the model there.",
    advice: "Wait for its end, or cancel it.",
  },
  "placement.selectorInvalid": {
    httpStatus: 400,
    meaning: "It does not say which nodes are meant.",
    advice: "Write a node's name, or conditions such as 'gpu.memory >= 40GiB and site = berlin'.",
  },
} as const satisfies Record<string, { httpStatus: number | null; meaning: string; advice: string }>;
