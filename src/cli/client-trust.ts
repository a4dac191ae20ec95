import type { ApiClient } from "../client/api-client.ts";
import { systemClock } from "../start/system-clock.ts";
import { parseVerifierKey } from "../tlog/note.ts";
import { KnownKeys } from "../verify/known-keys.ts";
import { SeenLogs } from "../verify/seen-logs.ts";
import type { Trust } from "../verify/trust.ts";
import type { ClientContext } from "./client-context.ts";

/**
 * What a client command trusts of its registry: the log key of the configuration, or the one that
 * was seen first.
 */
export function trustOfClient({ home }: ClientContext, client: ApiClient): Trust {
  const { logKey } = client.address;
  return {
    client: client.forVerification(),
    seenLogs: new SeenLogs(home.logDirectory),
    knownKeys: new KnownKeys(home.knownKeysPath),
    vkey: logKey === undefined ? undefined : parseVerifierKey(logKey),
    policy: undefined,
    now: systemClock(),
  };
}
