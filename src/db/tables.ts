import type { Dialect } from "./dialect.ts";
import { accountTables } from "./tables/accounts.ts";
import { eventTables } from "./tables/events.ts";
import { keyTables } from "./tables/keys.ts";
import { logTables } from "./tables/log.ts";
import { ownerTables } from "./tables/owners.ts";
import { packageTables } from "./tables/packages.ts";
import { searchTables } from "./tables/search.ts";
import { statusTables } from "./tables/statuses.ts";
import { versionTables } from "./tables/versions.ts";
import { webhookTables } from "./tables/webhooks.ts";

/**
 * Declares every table of the registry once; `d` declares columns for one database (dialect.ts).
 */
export function defineTables(d: Dialect) {
  const accounts = accountTables(d);
  const packages = packageTables(d, accounts.users);
  return {
    ...accounts,
    ...packages,
    ...searchTables(d, packages.packages),
    ...versionTables(d, accounts.users, packages.packages),
    ...ownerTables(d, accounts.users, packages.packages),
    ...keyTables(d, packages.packages),
    ...statusTables(d, packages.packages),
    ...logTables(d),
    ...eventTables(d),
    ...webhookTables(d, accounts.users),
  };
}
