CREATE TABLE "registry_totals" (
	"id" bigint NOT NULL,
	"packages" bigint NOT NULL,
	"versions" bigint NOT NULL,
	"storage_bytes" bigint NOT NULL,
	CONSTRAINT "registry_totals_id_pk" PRIMARY KEY("id")
);
--> statement-breakpoint
INSERT INTO registry_totals (id, packages, versions, storage_bytes)
  SELECT 1, (SELECT count(*) FROM packages), count(*), coalesce(sum(size), 0) FROM versions;
