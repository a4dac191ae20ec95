CREATE TABLE `package_authors` (
	`package_id` integer NOT NULL,
	`author` text NOT NULL,
	PRIMARY KEY(`package_id`, `author`),
	FOREIGN KEY (`package_id`) REFERENCES `packages`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `package_authors_author_idx` ON `package_authors` (`author`,`package_id`);--> statement-breakpoint
CREATE TABLE `package_owners` (
	`package_id` integer NOT NULL,
	`user_id` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`package_id`, `user_id`),
	FOREIGN KEY (`package_id`) REFERENCES `packages`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `package_owners_user_idx` ON `package_owners` (`user_id`);--> statement-breakpoint
CREATE TABLE `package_tags` (
	`package_id` integer NOT NULL,
	`tag` text NOT NULL,
	PRIMARY KEY(`package_id`, `tag`),
	FOREIGN KEY (`package_id`) REFERENCES `packages`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `package_tags_tag_idx` ON `package_tags` (`tag`,`package_id`);--> statement-breakpoint
CREATE TABLE `packages` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`name` text NOT NULL,
	`name_folded` text NOT NULL,
	`description` text NOT NULL,
	`tags` text NOT NULL,
	`latest` text,
	`latest_published_at` integer,
	`listed` integer NOT NULL,
	`downloads` integer NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `packages_name_unique` ON `packages` (`name`);--> statement-breakpoint
CREATE UNIQUE INDEX `packages_name_folded_unique` ON `packages` (`name_folded`);--> statement-breakpoint
CREATE INDEX `packages_listed_updated_idx` ON `packages` (`listed`,`updated_at`,`id`);--> statement-breakpoint
CREATE INDEX `packages_listed_downloads_idx` ON `packages` (`listed`,`downloads`,`id`);--> statement-breakpoint
CREATE INDEX `packages_listed_name_idx` ON `packages` (`listed`,`name`);--> statement-breakpoint
CREATE TABLE `sessions` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `sessions_user_idx` ON `sessions` (`user_id`);--> statement-breakpoint
CREATE INDEX `sessions_expires_idx` ON `sessions` (`expires_at`);--> statement-breakpoint
CREATE TABLE `users` (
	`id` text PRIMARY KEY NOT NULL,
	`username` text NOT NULL,
	`username_folded` text NOT NULL,
	`email` text NOT NULL,
	`email_folded` text NOT NULL,
	`password_hash` text NOT NULL,
	`role` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `users_username_folded_unique` ON `users` (`username_folded`);--> statement-breakpoint
CREATE UNIQUE INDEX `users_email_folded_unique` ON `users` (`email_folded`);--> statement-breakpoint
CREATE TABLE `version_contents` (
	`version_id` integer PRIMARY KEY NOT NULL,
	`manifest_text` text NOT NULL,
	`readme` text,
	`values_text` text,
	`files` text NOT NULL,
	FOREIGN KEY (`version_id`) REFERENCES `versions`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `versions` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`package_id` integer NOT NULL,
	`version` text NOT NULL,
	`version_key` text NOT NULL,
	`sha256` text NOT NULL,
	`size` integer NOT NULL,
	`manifest` text NOT NULL,
	`warnings` text NOT NULL,
	`signature_scheme` text NOT NULL,
	`public_key` text NOT NULL,
	`signature` text NOT NULL,
	`published_by` text NOT NULL,
	`published_at` integer NOT NULL,
	`yanked_at` integer,
	`yank_reason` text,
	`yank_message` text,
	`downloads` integer NOT NULL,
	FOREIGN KEY (`package_id`) REFERENCES `packages`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`published_by`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `versions_package_key_idx` ON `versions` (`package_id`,`version_key`);--> statement-breakpoint
CREATE INDEX `versions_sha256_idx` ON `versions` (`sha256`);