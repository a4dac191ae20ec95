ALTER TABLE "log_state" ADD COLUMN "moved_to" text;--> statement-breakpoint
ALTER TABLE "log_state" ADD COLUMN "moved_at" timestamp (3) with time zone;