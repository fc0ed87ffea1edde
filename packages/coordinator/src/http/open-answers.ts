import type { ServerResponse } from "node:http";

/** Answers that are still being given, by whose token: some follow a job for days, and a revoked token ends them. */
export class OpenAnswers {
  readonly #byName = new Map<string, Set<ServerResponse>>();

  add(name: string, answer: ServerResponse): void {
    let answers = this.#byName.get(name);
    if (!answers) this.#byName.set(name, (answers = new Set()));
    answers.add(answer);
    answer.once("close", () => {
      answers.delete(answer);
      if (answers.size === 0 && this.#byName.get(name) === answers) this.#byName.delete(name);
    });
  }

  cut(name: string): void {
    for (const answer of this.#byName.get(name) ?? []) answer.destroy();
  }
}
