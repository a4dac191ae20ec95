ALTER TABLE `log_state` ADD `read_only_reason` text;--> statement-breakpoint
ALTER TABLE `log_state` ADD `read_only_since` integer;