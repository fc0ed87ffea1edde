import type { Shell } from "./shell.ts";

/** What somebody who pressed Ctrl-C while a job was followed wants. */
export type Wish = "cancel" | "detach" | "goOn";

export interface Interruptions {
  /** Resolves while nobody is being asked: output that comes meanwhile would push the question away. */
  ready(): Promise<void>;
  stop(): void;
}

/**
 * Asks at Ctrl-C what to do with the job, and tells `act`. A second Ctrl-C is an answer too: cancel. Where
 * nobody can be asked, the first one is.
 */
export function watchInterruptions(
  shell: Shell,
  jobId: number,
  act: (wish: Exclude<Wish, "goOn">) => void,
): Interruptions {
  let question: { settled: Promise<void>; isCut: AbortController } | null = null;

  async function ask(isCut: AbortController): Promise<void> {
    const wish = await askWish(shell, jobId, isCut.signal);
    question = null;
    if (wish !== "goOn") act(wish);
  }

  const unsubscribe = shell.onInterrupt(() => {
    if (question) return question.isCut.abort();
    if (!shell.isInteractive) return act("cancel");
    const isCut = new AbortController();
    question = { settled: ask(isCut), isCut };
  });
  return {
    ready: () => question?.settled ?? Promise.resolve(),
    stop: unsubscribe,
  };
}

async function askWish(shell: Shell, jobId: number, isCut: AbortSignal): Promise<Wish> {
  await shell.writeError(
    `\nJob ${jobId} goes on. c cancels it, d leaves it running and goes, Enter goes on following: `,
  );
  try {
    for (;;) {
      const answer = (await shell.readLine(isCut))?.trim().toLowerCase();
      if (answer === "c") return "cancel";
      // At the end of stdin nobody will ever answer: to leave the job alone is the answer that loses nothing.
      if (answer === "d" || answer === undefined) return "detach";
      if (answer === "") return "goOn";
      await shell.writeError("c, d or Enter: ");
    }
  } catch (error) {
    if (isCut.aborted) return "cancel";
    throw error;
  }
}
