CREATE TABLE `blob_removals` (
	`sha256` text PRIMARY KEY NOT NULL,
	`removals` integer NOT NULL,
	`removing` integer NOT NULL,
	`changed_at` integer NOT NULL
);
