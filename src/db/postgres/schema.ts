import { postgresDialect } from "../dialect.ts";
import { defineTables } from "../tables.ts";

export const {
  users,
  sessions,
  accountKeys,
  keyChallenges,
  apiTokens,
  loginFailures,
  packages,
  packageSearch,
  listedPackages,
  packageTags,
  packageAuthors,
  versions,
  versionContents,
  blobRemovals,
  allowedNames,
  packageOwners,
  ownerInvitations,
  packageKeys,
  packageKeyChanges,
  packageKeyResets,
  logState,
  logLeaves,
  logTiles,
  events,
} = defineTables(postgresDialect);
