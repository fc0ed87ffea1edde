/** The part of DAEMON_LOG_LINES (events.ts) that is about who may do what. */
export const ACCESS_LOG_LINES = {
  "access.allowed": "Somebody changed something: who, what, to which thing, from where. The audit trail has it too.",
  "access.denied": "Somebody was not allowed to do something, or showed no valid token; the audit trail has it too.",
  "access.lockedOut":
    "So many invalid tokens came from one address that for a while no more of them are looked at, logged or audited.",
  "access.adminTokenMissing": "There is no admin token yet; says how to make one.",
  "tls.renewed":
    "The coordinator's certificate was exchanged for a new one of the same key; says until when it is valid.",
  "tls.renewFailed": "The coordinator's certificate could not be exchanged for a new one; it is tried again each hour.",
  "tls.reloaded": "The files of --tls-cert and --tls-key have changed; new connections get the new certificate.",
  "tls.reloadFailed":
    "The files of --tls-cert and --tls-key have changed and cannot be used; the certificate of before stays.",
  "agent.refusesCoordinator":
    "What answers is the coordinator of another fleet than the one that this node has joined.",
  "agent.joined":
    "The agent has joined a fleet by its join token; says as which node, and whether somebody must let it in.",
} as const;
