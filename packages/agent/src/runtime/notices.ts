import { constants, openSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { AttemptId } from "@drover/shared/domain/ids.ts";

/** What supervisors call out when it happens. Only a hint to look: the truth is in the spool's files. */
export type Notice =
  | { type: "started"; attemptId: AttemptId; pid: number; startedAtMs: number }
  | { type: "ended"; attemptId: AttemptId };

/** `null` where the line is no notice. */
export function parseNotice(line: string): Notice | null {
  const [type, id, pid, startedAtMs] = line.split(" ");
  const attemptId = AttemptId.safeParse(id);
  if (!attemptId.success) return null;
  if (type === "ended") return { type, attemptId: attemptId.data };
  if (type !== "started" || !/^\d+$/.test(pid ?? "") || !/^\d+$/.test(startedAtMs ?? "")) return null;
  return { type, attemptId: attemptId.data, pid: Number(pid), startedAtMs: Number(startedAtMs) };
}

/** Cuts a stream into lines; the last, unfinished one waits for the rest. */
export function createLineSplitter(onLine: (line: string) => void): (chunk: string) => void {
  let rest = "";
  return (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  };
}

/** Listens on the FIFO that the launcher made. Yields a function that stops listening. */
export function listenForNotices(dataDir: string, onNotice: (notice: Notice) => void): () => void {
  // Read and write: with a writer always there, the end of one supervisor's message is not the end of the stream.
  const fd = openSync(join(dataDir, "notices"), constants.O_RDWR | constants.O_NONBLOCK);
  const fifo = new Socket({ fd, readable: true, writable: false });
  const onChunk = createLineSplitter((line) => {
    const notice = parseNotice(line);
    if (notice !== null) onNotice(notice);
  });
  fifo.setEncoding("latin1");
  fifo.on("data", onChunk);
  return () => fifo.destroy();
}
