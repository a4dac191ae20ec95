import type { PackageEventView } from "../events/read-events.ts";
import type { Message } from "./secret.ts";

/** The kind of the message that a test sends. */
export const TEST_KIND = "webhook.test";

function messageOf(id: string, type: string, timestamp: string, data: object): Message {
  return { id, body: JSON.stringify({ type, timestamp, data }) };
}

/** Makes the message about an event. Its ID is that of the event, also when it is replayed. */
export function eventMessage(event: PackageEventView): Message {
  return messageOf(`evt_${event.id}`, event.kind, event.at, event);
}

/** Makes the message of a test, which is about no event. */
export function testMessage(now: Date): Message {
  return messageOf(`test_${crypto.randomUUID()}`, TEST_KIND, now.toISOString(), {});
}
