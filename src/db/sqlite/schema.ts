import { sqliteDialect } from "../dialect.ts";
import { defineTables } from "../tables.ts";

/**
 * The tables in the dialect of SQLite. drizzle-kit reads these exports when it writes
 * migrations.
 */
export const {
  users,
  sessions,
  accountKeys,
  keyChallenges,
  apiTokens,
  loginFailures,
  loginNetworks,
  accountLinks,
  packages,
  packageSearch,
  listedPackages,
  registryTotals,
  packageTags,
  packageAuthors,
  packageDependencies,
  pendingRebuilds,
  versions,
  versionContents,
  blobRemovals,
  allowedNames,
  packageOwners,
  ownerInvitations,
  packageKeys,
  packageKeyChanges,
  packageKeyResets,
  keyResetUpholds,
  packageStatuses,
  logChanges,
  logState,
  logLeaves,
  logTiles,
  events,
  webhooks,
  webhookDeliveries,
} = defineTables(sqliteDialect);
