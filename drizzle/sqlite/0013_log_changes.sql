CREATE TABLE `log_changes` (
	`idx` integer PRIMARY KEY NOT NULL,
	`leaf` text NOT NULL,
	`checkpoint` text NOT NULL
);
