CREATE TABLE `registry_totals` (
	`id` integer PRIMARY KEY NOT NULL,
	`packages` integer NOT NULL,
	`versions` integer NOT NULL,
	`storage_bytes` integer NOT NULL
);
--> statement-breakpoint
INSERT INTO registry_totals (id, packages, versions, storage_bytes)
  SELECT 1, (SELECT count(*) FROM packages), count(*), coalesce(sum(size), 0) FROM versions;
