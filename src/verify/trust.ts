import type { VerifierKey } from "../tlog/note.ts";
import type { KnownKeys } from "./known-keys.ts";
import type { Policy } from "./policy.ts";
import type { RegistryClient } from "./registry-client.ts";
import type { SeenLogs } from "./seen-logs.ts";

/** What the user trusts. Without a client no registry is contacted. */
export interface Trust {
  readonly client: RegistryClient | undefined;
  readonly seenLogs: SeenLogs;
  readonly vkey: VerifierKey | undefined;
  readonly policy: Policy | undefined;
  readonly knownKeys: KnownKeys;
  /** The user's clock. */
  readonly now: Date;
}
