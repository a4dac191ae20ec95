ALTER TABLE `log_leaves` ADD `details` text;--> statement-breakpoint
ALTER TABLE `log_state` ADD `recovered_to` integer;