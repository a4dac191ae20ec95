import type { ApiClient } from "../client/api-client.ts";
import { clientFault } from "../client/client-fault.ts";
import { systemClock } from "../start/system-clock.ts";
import { ED25519, parseVerifierKey } from "../tlog/note.ts";
import { KnownKeys } from "../verify/known-keys.ts";
import { SeenLogs } from "../verify/seen-logs.ts";
import type { Trust } from "../verify/trust.ts";
import type { ClientContext } from "./client-context.ts";

/**
 * What a client command trusts of its registry: the log key of the configuration, or the one that
 * was seen first.
 */
export function trustOfClient({ home }: ClientContext, client: ApiClient): Trust {
  const { logKey, url } = client.address;
  const vkey = logKey === undefined ? undefined : parseVerifierKey(logKey.trim());
  if (logKey !== undefined && vkey?.type !== ED25519) {
    const detail = `The key of ${url} in ${home.configPath} is not a verifier key of a log.\nAsk the operator for what cpm-registry log key prints.`;
    throw clientFault("usage", "client_log_key_invalid", detail);
  }
  return {
    client: client.forVerification(),
    seenLogs: new SeenLogs(home.logDirectory),
    knownKeys: new KnownKeys(home.knownKeysPath),
    vkey,
    // Witnesses need a while to cosign what was published just now.
    policy: undefined,
    now: systemClock(),
  };
}
