import { z } from "zod";
import type { ErrorCode } from "@drover/shared/error-codes.ts";
import { decodeTextFrame } from "@drover/shared/protocol/text-frame.ts";
import { MIN_AGENT_PROTOCOL_VERSION, PROTOCOL_VERSION } from "@drover/shared/protocol/version.ts";

/** Read before the whole hello is: another version's hello may look different in every other field. */
const Greeting = z.object({ type: z.literal("hello"), protocolVersion: z.int() });

/** Why a connection cannot begin with this frame; `null` where it can. */
export function unfitGreeting(text: string): { code: ErrorCode; detail: string } | null {
  const greeting = decodeTextFrame(Greeting, text);
  if (!greeting.ok) return { code: "agent.helloExpected", detail: greeting.problem };
  const { protocolVersion } = greeting.message;
  if (protocolVersion >= MIN_AGENT_PROTOCOL_VERSION && protocolVersion <= PROTOCOL_VERSION) return null;
  const ours = `${MIN_AGENT_PROTOCOL_VERSION} to ${PROTOCOL_VERSION}`;
  const detail = `the agent speaks protocol version ${protocolVersion}, this coordinator ${ours}`;
  return { code: "agent.protocolUnsupported", detail };
}
