CREATE TABLE `account_links` (
	`token_sha256` text PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`user_id` text,
	`email` text,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `account_links_user_idx` ON `account_links` (`user_id`);--> statement-breakpoint
CREATE INDEX `account_links_expires_idx` ON `account_links` (`expires_at`);--> statement-breakpoint
ALTER TABLE `packages` ADD `taken_down_at` integer;--> statement-breakpoint
ALTER TABLE `packages` ADD `takedown_reason` text;--> statement-breakpoint
ALTER TABLE `users` ADD `forgotten_at` integer;--> statement-breakpoint
ALTER TABLE `versions` ADD `taken_down_at` integer;--> statement-breakpoint
ALTER TABLE `versions` ADD `takedown_reason` text;