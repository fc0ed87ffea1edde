import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a coordinator is started with, and where its admin's token lies then; never on a disk that a test fills. */
export interface LocalToken {
  options: readonly string[];
  /** `null` as long as the coordinator has not made it. */
  read: () => string | null;
  /** Of a request of its own. */
  headers(): Record<string, string>;
}

export function newLocalToken(): LocalToken {
  const folder = mkdtempSync(join(tmpdir(), "drover-token-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return localTokenIn(join(folder, "local-token"));
}

export function localTokenIn(file: string): LocalToken {
  const read = (): string | null => {
    try {
      return readFileSync(file, "utf8").trim();
    } catch {
      return null;
    }
  };
  return { options: ["--local-token", file], read, headers: () => ({ authorization: `Bearer ${read() ?? ""}` }) };
}
