ALTER TABLE `log_state` ADD `moved_to` text;--> statement-breakpoint
ALTER TABLE `log_state` ADD `moved_at` integer;