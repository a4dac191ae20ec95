/* Written by scripts/generate.ts from drizzle/. The SQL is embedded, because a compiled binary has no folder to read. */
import sqlite_0000_first_circle from "../../drizzle/sqlite/0000_first_circle.sql" with { type: "text" };
import sqlite_0001_search from "../../drizzle/sqlite/0001_search.sql" with { type: "text" };
import sqlite_0002_blob_removals from "../../drizzle/sqlite/0002_blob_removals.sql" with { type: "text" };
import sqlite_0003_trust from "../../drizzle/sqlite/0003_trust.sql" with { type: "text" };
import sqlite_0004_event_order from "../../drizzle/sqlite/0004_event_order.sql" with { type: "text" };
import sqlite_0005_log from "../../drizzle/sqlite/0005_log.sql" with { type: "text" };
import sqlite_0006_package_changes from "../../drizzle/sqlite/0006_package_changes.sql" with { type: "text" };
import sqlite_0007_search_candidates from "../../drizzle/sqlite/0007_search_candidates.sql" with { type: "text" };
import sqlite_0008_log_existing from "../../drizzle/sqlite/0008_log_existing.sql" with { type: "text" };
import sqlite_0009_long_manifests from "../../drizzle/sqlite/0009_long_manifests.sql" with { type: "text" };
import sqlite_0010_key_change_v2 from "../../drizzle/sqlite/0010_key_change_v2.sql" with { type: "text" };
import sqlite_0011_statuses_and_upholds from "../../drizzle/sqlite/0011_statuses_and_upholds.sql" with { type: "text" };
import sqlite_0012_account_networks from "../../drizzle/sqlite/0012_account_networks.sql" with { type: "text" };
import sqlite_0013_log_changes from "../../drizzle/sqlite/0013_log_changes.sql" with { type: "text" };
import sqlite_0014_finding from "../../drizzle/sqlite/0014_finding.sql" with { type: "text" };
import sqlite_0015_read_only from "../../drizzle/sqlite/0015_read_only.sql" with { type: "text" };
import sqlite_0016_registry_totals from "../../drizzle/sqlite/0016_registry_totals.sql" with { type: "text" };
import sqlite_0017_recovery from "../../drizzle/sqlite/0017_recovery.sql" with { type: "text" };
import sqlite_0018_takedown from "../../drizzle/sqlite/0018_takedown.sql" with { type: "text" };
import sqlite_0019_webhooks from "../../drizzle/sqlite/0019_webhooks.sql" with { type: "text" };
import sqlite_0020_moved from "../../drizzle/sqlite/0020_moved.sql" with { type: "text" };
import postgres_0000_first_circle from "../../drizzle/postgres/0000_first_circle.sql" with { type: "text" };
import postgres_0001_search from "../../drizzle/postgres/0001_search.sql" with { type: "text" };
import postgres_0002_blob_removals from "../../drizzle/postgres/0002_blob_removals.sql" with { type: "text" };
import postgres_0003_trust from "../../drizzle/postgres/0003_trust.sql" with { type: "text" };
import postgres_0004_event_order from "../../drizzle/postgres/0004_event_order.sql" with { type: "text" };
import postgres_0005_log from "../../drizzle/postgres/0005_log.sql" with { type: "text" };
import postgres_0006_search_candidates from "../../drizzle/postgres/0006_search_candidates.sql" with { type: "text" };
import postgres_0007_log_existing from "../../drizzle/postgres/0007_log_existing.sql" with { type: "text" };
import postgres_0008_long_manifests from "../../drizzle/postgres/0008_long_manifests.sql" with { type: "text" };
import postgres_0009_key_change_v2 from "../../drizzle/postgres/0009_key_change_v2.sql" with { type: "text" };
import postgres_0010_statuses_and_upholds from "../../drizzle/postgres/0010_statuses_and_upholds.sql" with { type: "text" };
import postgres_0011_account_networks from "../../drizzle/postgres/0011_account_networks.sql" with { type: "text" };
import postgres_0012_log_changes from "../../drizzle/postgres/0012_log_changes.sql" with { type: "text" };
import postgres_0013_finding from "../../drizzle/postgres/0013_finding.sql" with { type: "text" };
import postgres_0014_read_only from "../../drizzle/postgres/0014_read_only.sql" with { type: "text" };
import postgres_0015_json_order from "../../drizzle/postgres/0015_json_order.sql" with { type: "text" };
import postgres_0016_registry_totals from "../../drizzle/postgres/0016_registry_totals.sql" with { type: "text" };
import postgres_0017_recovery from "../../drizzle/postgres/0017_recovery.sql" with { type: "text" };
import postgres_0018_takedown from "../../drizzle/postgres/0018_takedown.sql" with { type: "text" };
import postgres_0019_webhooks from "../../drizzle/postgres/0019_webhooks.sql" with { type: "text" };
import postgres_0020_moved from "../../drizzle/postgres/0020_moved.sql" with { type: "text" };

/** The migrations of each database, oldest first. */
export const MIGRATIONS = {
  sqlite: [
    { name: "0000_first_circle", sql: sqlite_0000_first_circle },
    { name: "0001_search", sql: sqlite_0001_search },
    { name: "0002_blob_removals", sql: sqlite_0002_blob_removals },
    { name: "0003_trust", sql: sqlite_0003_trust },
    { name: "0004_event_order", sql: sqlite_0004_event_order },
    { name: "0005_log", sql: sqlite_0005_log },
    { name: "0006_package_changes", sql: sqlite_0006_package_changes },
    { name: "0007_search_candidates", sql: sqlite_0007_search_candidates },
    { name: "0008_log_existing", sql: sqlite_0008_log_existing },
    { name: "0009_long_manifests", sql: sqlite_0009_long_manifests },
    { name: "0010_key_change_v2", sql: sqlite_0010_key_change_v2 },
    { name: "0011_statuses_and_upholds", sql: sqlite_0011_statuses_and_upholds },
    { name: "0012_account_networks", sql: sqlite_0012_account_networks },
    { name: "0013_log_changes", sql: sqlite_0013_log_changes },
    { name: "0014_finding", sql: sqlite_0014_finding },
    { name: "0015_read_only", sql: sqlite_0015_read_only },
    { name: "0016_registry_totals", sql: sqlite_0016_registry_totals },
    { name: "0017_recovery", sql: sqlite_0017_recovery },
    { name: "0018_takedown", sql: sqlite_0018_takedown },
    { name: "0019_webhooks", sql: sqlite_0019_webhooks },
    { name: "0020_moved", sql: sqlite_0020_moved },
  ],
  postgres: [
    { name: "0000_first_circle", sql: postgres_0000_first_circle },
    { name: "0001_search", sql: postgres_0001_search },
    { name: "0002_blob_removals", sql: postgres_0002_blob_removals },
    { name: "0003_trust", sql: postgres_0003_trust },
    { name: "0004_event_order", sql: postgres_0004_event_order },
    { name: "0005_log", sql: postgres_0005_log },
    { name: "0006_search_candidates", sql: postgres_0006_search_candidates },
    { name: "0007_log_existing", sql: postgres_0007_log_existing },
    { name: "0008_long_manifests", sql: postgres_0008_long_manifests },
    { name: "0009_key_change_v2", sql: postgres_0009_key_change_v2 },
    { name: "0010_statuses_and_upholds", sql: postgres_0010_statuses_and_upholds },
    { name: "0011_account_networks", sql: postgres_0011_account_networks },
    { name: "0012_log_changes", sql: postgres_0012_log_changes },
    { name: "0013_finding", sql: postgres_0013_finding },
    { name: "0014_read_only", sql: postgres_0014_read_only },
    { name: "0015_json_order", sql: postgres_0015_json_order },
    { name: "0016_registry_totals", sql: postgres_0016_registry_totals },
    { name: "0017_recovery", sql: postgres_0017_recovery },
    { name: "0018_takedown", sql: postgres_0018_takedown },
    { name: "0019_webhooks", sql: postgres_0019_webhooks },
    { name: "0020_moved", sql: postgres_0020_moved },
  ],
} as const;
