/* The tables on Postgres. `../sqlite/schema.ts` has the same tables with the same row types; `../same-rows.ts` proves it. */

export { accountKeys, apiTokens, keyChallenges, loginFailures, sessions, users } from "./accounts.ts";
export { events } from "./events.ts";
export { logLeaves, logState, logTiles } from "./log.ts";
export { ownerInvitations, packageKeyChanges, packageKeyResets, packageKeys, packageOwners } from "./package-trust.ts";
export {
  allowedNames,
  blobRemovals,
  listedPackages,
  packageAuthors,
  packageSearch,
  packages,
  packageTags,
  versionContents,
  versions,
} from "./packages.ts";
