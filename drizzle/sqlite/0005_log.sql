CREATE TABLE `log_leaves` (
	`idx` integer PRIMARY KEY NOT NULL,
	`leaf` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `log_state` (
	`id` integer PRIMARY KEY NOT NULL,
	`origin` text NOT NULL,
	`vkey` text NOT NULL,
	`size` integer NOT NULL,
	`root` text NOT NULL,
	`checkpoint` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `log_tiles` (
	`level` integer NOT NULL,
	`idx` integer NOT NULL,
	`data` blob NOT NULL,
	PRIMARY KEY(`level`, `idx`)
);
--> statement-breakpoint
ALTER TABLE `package_key_changes` ADD `log_index` integer;--> statement-breakpoint
ALTER TABLE `versions` ADD `log_index` integer;--> statement-breakpoint
ALTER TABLE `versions` ADD `yank_seq` integer DEFAULT 0 NOT NULL;