import { createHash, type Hash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";

const CHUNK_BYTES = 1024 * 1024;

/** The hash of a file's content, in the form of the manifest's; as git names it where the manifest states that. */
export class ContentHasher {
  readonly #algorithm: string;
  readonly #hash: Hash;
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  hashedBytes = 0;

  constructor(expected: string, sizeBytes: number) {
    const [algorithm = ""] = expected.split(":");
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm === "gitSha1" ? "sha1" : "sha256");
    if (algorithm === "gitSha1") this.#hash.update(`blob ${sizeBytes}\0`);
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.hashedBytes += bytes.byteLength;
  }

  /**
   * Reads what is on the disk up to `front` and was not hashed yet. Read back rather than hashed as it arrives: several
   * connections fill a file in no order, and after a crash nothing else is left. What was just written comes out of
   * memory, at several GB/s.
   */
  async readUpTo(file: FileHandle, front: number): Promise<void> {
    while (this.hashedBytes < front) {
      const wanted = Math.min(CHUNK_BYTES, front - this.hashedBytes);
      const { bytesRead } = await file.read(this.#chunk, 0, wanted, this.hashedBytes);
      if (bytesRead === 0) throw new Error("the file is shorter than was written");
      this.update(this.#chunk.subarray(0, bytesRead));
    }
  }

  digest(): string {
    return `${this.#algorithm}:${this.#hash.digest("hex")}`;
  }
}
