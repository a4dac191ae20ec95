CREATE TABLE "login_networks" (
	"key" text PRIMARY KEY NOT NULL,
	"user_id" text NOT NULL,
	"last_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "login_failures" ADD COLUMN "name_digest" text;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "username_skeleton" text;--> statement-breakpoint
ALTER TABLE "login_networks" ADD CONSTRAINT "login_networks_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "login_networks_user_idx" ON "login_networks" USING btree ("user_id","last_at");--> statement-breakpoint
CREATE INDEX "login_failures_name_idx" ON "login_failures" USING btree ("name_digest");--> statement-breakpoint
ALTER TABLE "users" ADD CONSTRAINT "users_username_skeleton_unique" UNIQUE("username_skeleton");--> statement-breakpoint
-- usernameSkeletonOf in src/domain/similar-names.ts, as SQL. Of accounts that are there already and look alike, the oldest has it.
UPDATE users SET username_skeleton = replace(replace(replace(replace(replace(replace(replace(username_folded, '-', ''), '_', ''), '.', ''), 'rn', 'm'), '1', 'l'), 'i', 'l'), '0', 'o')
  WHERE id IN (SELECT id FROM (
    SELECT id, row_number() OVER (PARTITION BY replace(replace(replace(replace(replace(replace(replace(username_folded, '-', ''), '_', ''), '.', ''), 'rn', 'm'), '1', 'l'), 'i', 'l'), '0', 'o') ORDER BY created_at, id) AS place FROM users
  ) AS ranked WHERE place = 1);--> statement-breakpoint
-- The keys of failures were made otherwise before.
DELETE FROM login_failures;
