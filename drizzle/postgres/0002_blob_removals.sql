CREATE TABLE "blob_removals" (
	"sha256" text PRIMARY KEY NOT NULL,
	"removals" bigint NOT NULL,
	"removing" boolean NOT NULL,
	"changed_at" timestamp (3) with time zone NOT NULL
);
