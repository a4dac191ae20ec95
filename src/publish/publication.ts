import type { Actor } from "../accounts/actor.ts";
import type { ReceivedFile } from "../blobs/store.ts";
import type { RateLimit } from "../errors.ts";
import type { PublishedVersion } from "../packages/views.ts";
import type { SignatureScheme } from "../signing/statement.ts";
import type { Metadata } from "./metadata.ts";

/** A received archive and what its publisher states about it. */
export interface Publication {
  readonly publisher: Actor;
  readonly received: ReceivedFile;
  readonly signature: string;
  /** May be left out where `colony.yaml` names the key. */
  readonly publicKey: string | undefined;
  readonly scheme: SignatureScheme | undefined;
  /** Optional fields of the form. Where they are present, they must agree with `colony.yaml`. */
  readonly statedName: string | undefined;
  readonly statedVersion: string | undefined;
  readonly metadata: Metadata | undefined;
  /** Check everything and store nothing. */
  readonly dryRun: boolean;
  /** The publisher states that what looks like a secret is none. */
  readonly allowSecrets: boolean;
}

/**
 * `created`: a new version. `unchanged`: these bytes were published before with this key.
 * `checked`: a dry run.
 */
export interface PublishOutcome {
  readonly outcome: "created" | "unchanged" | "checked";
  readonly name: string;
  readonly version: PublishedVersion;
  /** The proof that the log has the version; undefined for a dry run. */
  readonly proof: string | undefined;
  /** What the publisher may still publish; empty where nothing is limited. */
  readonly limits: readonly RateLimit[];
}
