/** What of a text frame an agent of protocol version 1 would have said: it knows neither machine nor site, and counts nothing. */
export function asVersion1(text: string): string {
  const message = JSON.parse(text) as Record<string, unknown>;
  if (message["type"] === "hello") {
    const { machineId: _machineId, site: _site, ...hello } = message;
    return JSON.stringify({ ...hello, protocolVersion: 1 });
  }
  if (message["type"] !== "heartbeat") return text;
  const { attemptCount: _attemptCount, ...heartbeat } = message;
  return JSON.stringify(heartbeat);
}
