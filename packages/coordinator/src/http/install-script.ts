/** What the coordinator says of itself in the install script that it serves. */
export interface ServedScript {
  /** As whoever asked reaches it. */
  coordinatorUrl: string;
  /** Of the agent that it should fetch; `null`: the newest. */
  version: string | null;
  /** SHA-256 and name of each archive, in lines: what came with the script needs no other trust. */
  checksums: string;
  /** In PEM, where the coordinator's certificate is of its own making. */
  caCertificate: string | null;
}

/** Characters of a URL, of a version and of PEM; none of them ends a quoted string of a shell. */
const HARMLESS = /^[\w.:/[\]+=\n -]*$/;

/** Fills in the lines at the script's head. Yields `null` where something cannot stand in a shell script. */
export function fillInstallScript(text: string, served: ServedScript): string | null {
  const values = {
    SERVED_COORDINATOR: served.coordinatorUrl,
    SERVED_VERSION: served.version ?? "",
    SERVED_SHA256SUMS: served.checksums,
    SERVED_CA: served.caCertificate ?? "",
  };
  let filled = text;
  for (const [name, value] of Object.entries(values)) {
    if (!HARMLESS.test(value)) return null;
    filled = filled.replace(new RegExp(`^${name}=''$`, "m"), () => `${name}='${value}'`);
  }
  return filled;
}
