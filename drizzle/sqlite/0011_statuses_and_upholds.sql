CREATE TABLE `key_reset_upholds` (
	`package_id` integer PRIMARY KEY NOT NULL,
	`by_username` text NOT NULL,
	`at` integer NOT NULL,
	FOREIGN KEY (`package_id`) REFERENCES `packages`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `package_statuses` (
	`package_id` integer NOT NULL,
	`version` text NOT NULL,
	`seq` integer NOT NULL,
	`action` text NOT NULL,
	`category` text NOT NULL,
	`log_index` integer NOT NULL,
	`at` integer NOT NULL,
	PRIMARY KEY(`package_id`, `version`, `seq`),
	FOREIGN KEY (`package_id`) REFERENCES `packages`(`id`) ON UPDATE no action ON DELETE cascade
);
