import type { Actor } from "../accounts/actor.ts";
import type { ReceivedFile } from "../blobs/store.ts";
import type { RateLimit } from "../errors.ts";
import type { PublishedVersion } from "../packages/views.ts";
import type { SignatureScheme } from "../signing/statement.ts";

/** An archive that was received and what its publisher said of it. */
export interface Publication {
  readonly publisher: Actor;
  readonly received: ReceivedFile;
  readonly signature: string;
  /** May be left out when `colony.yaml` names the key. */
  readonly publicKey: string | undefined;
  readonly scheme: SignatureScheme | undefined;
  /** Optional statements of the form; where they are there they must agree with `colony.yaml`. */
  readonly statedName: string | undefined;
  readonly statedVersion: string | undefined;
  /** Checks everything and stores nothing. */
  readonly dryRun: boolean;
  /** The publisher says that what looks like secrets is none. */
  readonly allowSecrets: boolean;
}

/** `created`: a new version; `unchanged`: these bytes were published before by this key; `checked`: a dry run. */
export interface PublishOutcome {
  readonly outcome: "created" | "unchanged" | "checked";
  readonly name: string;
  readonly version: PublishedVersion;
  /** What proves that the version is in the log; undefined for a dry run. */
  readonly proof: string | undefined;
  /** What the publisher may still publish; empty where nothing is limited. */
  readonly limits: readonly RateLimit[];
}
