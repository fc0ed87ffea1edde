/** What a signature on a connection is about: it is worth nothing on another, to another coordinator, or as another node. */
export interface ProofSubject {
  fleetId: string;
  /** Drawn by the coordinator for this connection alone. */
  nonce: string;
  nodeId: string;
  machineId: string | null;
}

/** The bytes that an agent signs. A fixed first line, so that no signature for anything else can be taken for it. */
export function proofBytes({ fleetId, nonce, nodeId, machineId }: ProofSubject): Uint8Array {
  return new TextEncoder().encode(
    ["drover node proof 1", fleetId, nonce, nodeId, JSON.stringify(machineId)].join("\n"),
  );
}
