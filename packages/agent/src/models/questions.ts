import type { ModelFile, RevisionId } from "@drover/shared/domain/model.ts";
import type { ModelAnswer, ModelQuery } from "@drover/shared/protocol/messages.ts";
import type { FileAddress } from "./file-source.ts";
import { PullProblem } from "./pull-problem.ts";

type Answer = ModelAnswer["answer"];

interface Pending {
  resolve: (answer: Answer) => void;
  reject: (problem: PullProblem) => void;
}

/** What the coordinator is asked about models, and its answers. */
export class Questions {
  readonly #send: (query: ModelQuery) => boolean;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;

  /** `send` says whether somebody is there. */
  constructor(send: (query: ModelQuery) => boolean) {
    this.#send = send;
  }

  /** Page by page: a manifest may be longer than a message may be. */
  async manifest(revisionId: RevisionId): Promise<ModelFile[]> {
    const files: ModelFile[] = [];
    for (;;) {
      const answer = await this.#ask(revisionId, { about: "manifest", from: files.length });
      if (answer.is !== "manifest") throw new PullProblem("noManifest", "the coordinator answered something else");
      files.push(...answer.files);
      if (files.length >= answer.fileCount) return files;
      if (answer.files.length === 0) throw new PullProblem("noManifest", "the coordinator's manifest breaks off");
    }
  }

  async address(revisionId: RevisionId, path: string): Promise<FileAddress> {
    const answer = await this.#ask(revisionId, { about: "file", path });
    if (answer.is === "address") return { url: answer.url };
    if (answer.is === "content") return { content: Buffer.from(answer.base64, "base64") };
    throw new PullProblem("sourceUnavailable", "the coordinator answered something else");
  }

  onAnswer({ requestId, answer }: ModelAnswer): void {
    const pending = this.#pending.get(requestId);
    this.#pending.delete(requestId);
    if (answer.is === "problem")
      pending?.reject(new PullProblem(answer.code, answer.message, answer.retryAfterMs ?? null));
    else pending?.resolve(answer);
  }

  onClosed(): void {
    for (const { reject } of this.#pending.values()) reject(notConnected());
    this.#pending.clear();
  }

  #ask(revisionId: RevisionId, query: ModelQuery["query"]): Promise<Answer> {
    const requestId = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(requestId, { resolve, reject });
      if (this.#send({ type: "modelQuery", requestId, revisionId, query })) return;
      this.#pending.delete(requestId);
      reject(notConnected());
    });
  }
}

function notConnected(): PullProblem {
  return new PullProblem("noManifest", "the coordinator is not connected");
}
