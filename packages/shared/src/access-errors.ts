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
  "invite.notFound": {
    httpStatus: 404,
    meaning: "No invitation that is still good has this id.",
    advice: "List them: `drover invite list`.",
  },
  "join.tokenInvalid": {
    httpStatus: 401,
    meaning: "This is no join token that was made here.",
    advice: "Copy the whole token again, or ask an admin for another: `drover invite`.",
  },
  "join.tokenExpired": {
    httpStatus: 403,
    meaning: "The join token was good for a time that is over.",
    advice: "Ask an admin for another: `drover invite --expires 24h`.",
  },
  "join.tokenExhausted": {
    httpStatus: 403,
    meaning: "As many machines have joined by this token as it was made for.",
    advice: "Ask an admin for another: `drover invite --uses N`.",
  },
  "join.tokenRevoked": {
    httpStatus: 403,
    meaning: "An admin has revoked the join token.",
    advice: "Ask an admin for another: `drover invite`.",
  },
  "join.nameNotAllowed": {
    httpStatus: 403,
    meaning: "The join token is for machines of other names.",
    advice: "Give the node a name that fits (`drover-agent --name`), or ask for another token.",
  },
  "join.nodeTaken": {
    httpStatus: 409,
    meaning: "Another key is registered under this node's id.",
    advice:
      "If this is a copy of another machine, delete node.json, node.key and fleet.json in the agent's data directory and join again. If it is that machine and has lost its key, an operator says `drover node remove NAME` first.",
  },
  "join.otherFleet": {
    httpStatus: 409,
    meaning: "The machine is of another fleet.",
    advice: "Join with --force to leave that one for this.",
  },
  "enrolment.notFound": {
    httpStatus: 404,
    meaning: "No node that waits to be let in has this id or name.",
    advice: "List them: `drover nodes --pending`.",
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
  "agent.notEnrolled": {
    httpStatus: null,
    meaning: "The node has never joined this fleet.",
    advice: "Ask an admin for a join token (`drover invite`), then run `drover-agent join` with it on the machine.",
  },
  "agent.identityUnproven": {
    httpStatus: null,
    meaning: "The connection does not come from whoever holds the node's key.",
    advice: "If the agent's data directory was restored or copied, join again: `drover-agent join`.",
  },
  "agent.otherMachine": {
    httpStatus: null,
    meaning: "The node's key is used on another machine than the one that joined with it: a clone, or a thief.",
    advice:
      "A clone: delete node.json, node.key and fleet.json in its agent's data directory, and join again with a token. The node's new hardware: `drover node remove NAME`, then the same.",
  },
  "agent.pendingApproval": {
    httpStatus: null,
    meaning: "The node has joined and waits for an operator to let it in.",
    advice: "Let it in: `drover node approve NAME`.",
  },
  "agent.removed": {
    httpStatus: null,
    meaning: "An operator has removed the node from the fleet.",
    advice: "If it is to come back, join again with a new token: `drover-agent join`.",
  },
  "agent.otherFleet": {
    httpStatus: null,
    meaning: "The agent has joined one fleet, and this is another.",
    advice: "Correct --coordinator, or leave that fleet for this: `drover-agent join --force`.",
  },
  "agent.joinFailed": {
    httpStatus: null,
    meaning: "The coordinator's answer to the join is none that this agent understands.",
    advice: "Check --coordinator, and that both are of the same version.",
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
