/**
 * The `data` of each server-sent event (WHATWG HTML §9.2). Ids and names are not passed on because
 * Drover's events repeat both inside their data.
 */
export async function* parseEventStream(bytes: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let pending = "";
  for await (const chunk of bytes) {
    pending += decoder.decode(chunk, { stream: true });
    for (let end = pending.indexOf("\n\n"); end !== -1; end = pending.indexOf("\n\n")) {
      const data = dataOf(pending.slice(0, end));
      pending = pending.slice(end + 2);
      if (data !== "") yield data;
    }
  }
}

function dataOf(block: string): string {
  return block
    .split("\n")
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice(5).trimStart())
    .join("\n");
}
