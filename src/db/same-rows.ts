import type * as postgres from "./postgres/schema.ts";
import type * as sqlite from "./sqlite/schema.ts";

/*
 * Queries are written once against the Postgres builder and run on both databases. That is sound only while both
 * schemas read and write the same row types; this file does not compile when they drift apart.
 */

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : never;

type TableName = keyof typeof postgres;

const sameTables: Same<TableName, keyof typeof sqlite> = true;

const sameReads: {
  [T in TableName]: Same<(typeof postgres)[T]["$inferSelect"], (typeof sqlite)[T]["$inferSelect"]>;
} = {
  users: true,
  sessions: true,
  packages: true,
  packageTags: true,
  packageAuthors: true,
  packageSearch: true,
  listedPackages: true,
  packageOwners: true,
  versions: true,
  versionContents: true,
  blobRemovals: true,
  accountKeys: true,
  keyChallenges: true,
  packageKeys: true,
  packageKeyChanges: true,
  packageKeyResets: true,
  apiTokens: true,
  ownerInvitations: true,
  loginFailures: true,
  allowedNames: true,
  events: true,
  logState: true,
  logLeaves: true,
  logTiles: true,
};

const sameWrites: {
  [T in TableName]: Same<(typeof postgres)[T]["$inferInsert"], (typeof sqlite)[T]["$inferInsert"]>;
} = sameReads;

/** Exists so that the proof above is part of the program. */
export const sameRows = { sameTables, sameReads, sameWrites };
