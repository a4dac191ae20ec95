import type { ApiClient } from "../client/api-client.ts";
import { systemClock } from "../start/system-clock.ts";
import { parseVerifierKey } from "../tlog/note.ts";
import { KnownKeys } from "../verify/known-keys.ts";
import { RegistryClient } from "../verify/registry-client.ts";
import { SeenLogs } from "../verify/seen-logs.ts";
import type { Trust } from "../verify/trust.ts";
import type { ClientContext } from "./client-context.ts";

/**
 * What a client command trusts of its registry: the log key of the configuration, or the one that
 * was seen first.
 */
export async function trustOfClient(context: ClientContext, { address }: ApiClient): Promise<Trust> {
  const { home, settings, credentials } = context;
  const token = settings.token?.reveal() ?? (await credentials.of(address.origin))?.token;
  return {
    client: new RegistryClient(address.url, token, address.certificates),
    seenLogs: new SeenLogs(home.logDirectory),
    knownKeys: new KnownKeys(home.knownKeysPath),
    vkey: address.logKey === undefined ? undefined : parseVerifierKey(address.logKey),
    policy: undefined,
    now: systemClock(),
  };
}
