ALTER TABLE "log_leaves" ADD COLUMN "details" text;--> statement-breakpoint
ALTER TABLE "log_state" ADD COLUMN "recovered_to" bigint;