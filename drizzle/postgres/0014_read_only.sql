ALTER TABLE "log_state" ADD COLUMN "read_only_reason" text;--> statement-breakpoint
ALTER TABLE "log_state" ADD COLUMN "read_only_since" timestamp (3) with time zone;