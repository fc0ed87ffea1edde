/** The part of error-codes.ts that is about who may do what, and how they come to trust each other. */
export const ACCESS_ERRORS = {
  "access.tokenMissing": {
    httpStatus: 401,
    meaning: "The request carries no token.",
    advice:
      "Set DROVER_TOKEN, or DROVER_TOKEN_FILE to a file that holds it; an admin makes one: `drover token create NAME --role user`.",
  },
  "access.tokenInvalid": {
    httpStatus: 401,
    meaning: "The token is not known here, or was revoked.",
    advice: "Ask an admin for another: `drover token create NAME --role user`.",
  },
  "access.lockedOut": {
    httpStatus: 429,
    meaning: "Too many invalid tokens came from this address.",
    advice: "Correct the token, and wait as long as `retry-after` says; a valid token is served at once.",
  },
  "access.forbidden": {
    httpStatus: 403,
    meaning: "The token's role does not allow this.",
    advice: "Use a token of the role that is named; docs/access.md says what each role may do.",
  },
  "access.notYourJob": {
    httpStatus: 403,
    meaning: "The job was submitted with another token, and the role `user` reaches its own jobs only.",
    advice: "Ask who submitted it, or use an operator's token.",
  },
  "token.notFound": {
    httpStatus: 404,
    meaning: "No valid token has this name.",
    advice: "List the tokens: `drover token list`. Name a token by its name, never by the token itself.",
  },
  "token.nameTaken": {
    httpStatus: 409,
    meaning: "A valid token has this name already, or the name is Drover's own.",
    advice: "Revoke that one first (`drover token revoke NAME`), or choose another name.",
  },
  "token.tooMany": {
    httpStatus: 429,
    meaning: "There are as many valid tokens as one coordinator keeps.",
    advice: "Revoke those that nobody uses: `drover token list`.",
  },
  "listen.nameMissing": {
    httpStatus: null,
    meaning: "The coordinator is to be reached by others, and nobody has said by which name.",
    advice: "Say --advertise HOST[,HOST]: the names and addresses by which agents and people reach it.",
  },
  "listen.addressInUse": {
    httpStatus: null,
    meaning: "Another process listens on this address.",
    advice: "Stop it, or choose another with --listen.",
  },
  "listen.invalidAddress": {
    httpStatus: null,
    meaning: "The listen address is not HOST:PORT.",
    advice: "Write, for example, --listen 127.0.0.1:7070.",
  },
  "tls.unusable": {
    httpStatus: null,
    meaning: "A certificate or its key cannot be used as it is.",
    advice:
      "For `tls/` of the data directory: copy it back from where it was saved, readable by its owner only. For --tls-cert and --tls-key: a certificate with its chain, and its key, as PEM.",
  },
  "tls.untrusted": {
    httpStatus: null,
    meaning: "What answered showed no certificate that this machine trusts for that name; nothing was sent to it.",
    advice:
      "Where the coordinator has an authority of its own, set DROVER_CA_FINGERPRINT to what `drover-coordinator ca-fingerprint` prints there. Where it is set, compare it: somebody may stand in between.",
  },
} as const;
