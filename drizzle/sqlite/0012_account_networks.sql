CREATE TABLE `login_networks` (
	`key` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`last_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `login_networks_user_idx` ON `login_networks` (`user_id`,`last_at`);--> statement-breakpoint
ALTER TABLE `login_failures` ADD `name_digest` text;--> statement-breakpoint
CREATE INDEX `login_failures_name_idx` ON `login_failures` (`name_digest`);--> statement-breakpoint
ALTER TABLE `users` ADD `username_skeleton` text;--> statement-breakpoint
CREATE UNIQUE INDEX `users_username_skeleton_unique` ON `users` (`username_skeleton`);--> statement-breakpoint
-- usernameSkeletonOf in src/domain/similar-names.ts, as SQL. Of accounts that are there already and look alike, the oldest has it.
UPDATE users SET username_skeleton = replace(replace(replace(replace(replace(replace(replace(username_folded, '-', ''), '_', ''), '.', ''), 'rn', 'm'), '1', 'l'), 'i', 'l'), '0', 'o')
  WHERE id IN (SELECT id FROM (
    SELECT id, row_number() OVER (PARTITION BY replace(replace(replace(replace(replace(replace(replace(username_folded, '-', ''), '_', ''), '.', ''), 'rn', 'm'), '1', 'l'), 'i', 'l'), '0', 'o') ORDER BY created_at, id) AS place FROM users
  ) AS ranked WHERE place = 1);--> statement-breakpoint
-- The keys of failures were made otherwise before.
DELETE FROM login_failures;
