-- jsonb changes the order of keys. Answers and their ETags must be the same on both databases. One statement for each
-- table, because each statement writes its table anew.
ALTER TABLE "api_tokens" ALTER COLUMN "scopes" SET DATA TYPE json, ALTER COLUMN "packages" SET DATA TYPE json;--> statement-breakpoint
ALTER TABLE "events" ALTER COLUMN "details" SET DATA TYPE json;--> statement-breakpoint
ALTER TABLE "packages" ALTER COLUMN "tags" SET DATA TYPE json;--> statement-breakpoint
ALTER TABLE "version_contents" ALTER COLUMN "files" SET DATA TYPE json;--> statement-breakpoint
ALTER TABLE "versions" ALTER COLUMN "manifest" SET DATA TYPE json, ALTER COLUMN "warnings" SET DATA TYPE json;
