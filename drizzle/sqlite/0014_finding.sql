CREATE TABLE `package_dependencies` (
	`package_id` integer NOT NULL,
	`dependency` text NOT NULL,
	PRIMARY KEY(`package_id`, `dependency`),
	FOREIGN KEY (`package_id`) REFERENCES `packages`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `package_dependencies_dependency_idx` ON `package_dependencies` (`dependency`,`package_id`);--> statement-breakpoint
CREATE TABLE `pending_rebuilds` (
	`what` text PRIMARY KEY NOT NULL,
	`done_id` integer NOT NULL
);
--> statement-breakpoint
ALTER TABLE `versions` ADD `version_order` text DEFAULT '' NOT NULL;--> statement-breakpoint
CREATE INDEX `versions_order_idx` ON `versions` (`package_id`,`version_order`);--> statement-breakpoint
-- packages/pending-rebuilds.ts derives these from the rows that exist: SQL cannot.
INSERT INTO pending_rebuilds (what, done_id) VALUES ('version_order', 0), ('listings', 0);
