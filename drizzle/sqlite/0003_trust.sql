CREATE TABLE `account_keys` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`user_id` text NOT NULL,
	`public_key` text NOT NULL,
	`label` text NOT NULL,
	`created_at` integer NOT NULL,
	`retired_at` integer,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `account_keys_user_key_idx` ON `account_keys` (`user_id`,`public_key`);--> statement-breakpoint
CREATE INDEX `account_keys_public_key_idx` ON `account_keys` (`public_key`);--> statement-breakpoint
CREATE TABLE `allowed_names` (
	`name` text PRIMARY KEY NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `api_tokens` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`label` text NOT NULL,
	`token_sha256` text NOT NULL,
	`scopes` text NOT NULL,
	`packages` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`last_used_at` integer,
	`revoked_at` integer,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `api_tokens_token_sha256_unique` ON `api_tokens` (`token_sha256`);--> statement-breakpoint
CREATE INDEX `api_tokens_user_idx` ON `api_tokens` (`user_id`);--> statement-breakpoint
CREATE TABLE `events` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`transaction_id` integer DEFAULT 0 NOT NULL,
	`at` integer NOT NULL,
	`kind` text NOT NULL,
	`user_id` text,
	`username` text,
	`address` text,
	`token_id` text,
	`package_name` text,
	`version` text,
	`details` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `events_package_idx` ON `events` (`package_name`,`id`);--> statement-breakpoint
CREATE TABLE `key_challenges` (
	`nonce` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`public_key` text NOT NULL,
	`expires_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `key_challenges_user_idx` ON `key_challenges` (`user_id`,`expires_at`);--> statement-breakpoint
CREATE TABLE `login_failures` (
	`key` text PRIMARY KEY NOT NULL,
	`failures` integer NOT NULL,
	`since` integer NOT NULL,
	`last_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `login_failures_last_idx` ON `login_failures` (`last_at`);--> statement-breakpoint
CREATE TABLE `owner_invitations` (
	`package_id` integer NOT NULL,
	`user_id` text NOT NULL,
	`invited_by` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	PRIMARY KEY(`package_id`, `user_id`),
	FOREIGN KEY (`package_id`) REFERENCES `packages`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `owner_invitations_user_idx` ON `owner_invitations` (`user_id`);--> statement-breakpoint
CREATE TABLE `package_key_changes` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`package_id` integer NOT NULL,
	`seq` integer NOT NULL,
	`action` text NOT NULL,
	`public_key` text NOT NULL,
	`statement` text,
	`leaf` text NOT NULL,
	`leaf_sha256` text NOT NULL,
	`by_username` text,
	`at` integer NOT NULL,
	FOREIGN KEY (`package_id`) REFERENCES `packages`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `package_key_changes_seq_idx` ON `package_key_changes` (`package_id`,`seq`);--> statement-breakpoint
CREATE TABLE `package_key_resets` (
	`package_id` integer PRIMARY KEY NOT NULL,
	`public_key` text NOT NULL,
	`requested_by` text NOT NULL,
	`requested_at` integer NOT NULL,
	`effective_at` integer NOT NULL,
	FOREIGN KEY (`package_id`) REFERENCES `packages`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `package_keys` (
	`package_id` integer NOT NULL,
	`public_key` text NOT NULL,
	`status` text NOT NULL,
	`added_at` integer NOT NULL,
	`ended_at` integer,
	`compromised_since` integer,
	PRIMARY KEY(`package_id`, `public_key`),
	FOREIGN KEY (`package_id`) REFERENCES `packages`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
ALTER TABLE `packages` ADD `created_by` text REFERENCES users(id);--> statement-breakpoint
ALTER TABLE `packages` ADD `name_skeleton` text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE `packages` ADD `status` text DEFAULT 'active' NOT NULL;--> statement-breakpoint
ALTER TABLE `packages` ADD `status_message` text;--> statement-breakpoint
ALTER TABLE `packages` ADD `status_replacement` text;--> statement-breakpoint
ALTER TABLE `packages` ADD `quarantined_at` integer;--> statement-breakpoint
ALTER TABLE `packages` ADD `quarantine_reason` text;--> statement-breakpoint
CREATE INDEX `packages_created_by_idx` ON `packages` (`created_by`,`created_at`);--> statement-breakpoint
CREATE INDEX `packages_skeleton_idx` ON `packages` (`name_skeleton`);--> statement-breakpoint
ALTER TABLE `users` ADD `disabled_at` integer;--> statement-breakpoint
ALTER TABLE `versions` ADD `yank_replacement` text;--> statement-breakpoint
ALTER TABLE `versions` ADD `quarantined_at` integer;--> statement-breakpoint
ALTER TABLE `versions` ADD `quarantine_reason` text;--> statement-breakpoint
ALTER TABLE `versions` ADD `key_compromised` integer DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX `versions_published_by_idx` ON `versions` (`published_by`,`published_at`);--> statement-breakpoint
-- Packages that are there already pin the keys their versions were published with, and accounts have the keys they
-- published with.
INSERT INTO package_keys (package_id, public_key, status, added_at)
  SELECT package_id, public_key, 'active', min(published_at) FROM versions GROUP BY package_id, public_key;--> statement-breakpoint
INSERT INTO account_keys (user_id, public_key, label, created_at)
  SELECT published_by, public_key, '', min(published_at) FROM versions GROUP BY published_by, public_key;--> statement-breakpoint
-- skeletonOf in src/registry/similar-names.ts, as SQL.
UPDATE packages SET name_skeleton =
  rtrim(replace(replace(replace(replace(replace(replace(replace(name, '-', ''), '_', ''), '.', ''), 'rn', 'm'), '1', 'l'), 'i', 'l'), '0', 'o'), 's');--> statement-breakpoint
-- A reason used to be any text; now it is one of four words, and what was said stays in the message.
UPDATE versions
  SET yank_message = CASE WHEN yank_message IS NULL THEN yank_reason ELSE yank_reason || ': ' || yank_message END, yank_reason = 'other'
  WHERE yank_reason IS NOT NULL AND yank_reason NOT IN ('broken', 'security', 'renamed', 'other');
