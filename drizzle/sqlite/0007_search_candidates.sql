CREATE TABLE `listed_packages` (
	`id` integer PRIMARY KEY NOT NULL,
	`listed` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `package_search` (
	`package_id` integer PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`tier` integer NOT NULL,
	`downloads` integer NOT NULL,
	`name_words` text NOT NULL,
	`tag_words` text NOT NULL,
	`author_words` text NOT NULL,
	`fingerprint` text NOT NULL,
	FOREIGN KEY (`package_id`) REFERENCES `packages`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
DROP INDEX `packages_listed_updated_idx`;--> statement-breakpoint
DROP INDEX `packages_listed_downloads_idx`;--> statement-breakpoint
DROP INDEX `packages_listed_name_idx`;--> statement-breakpoint
CREATE INDEX `packages_updated_idx` ON `packages` (`listed`,updated_at DESC,`name`,`id`);--> statement-breakpoint
CREATE INDEX `packages_downloads_idx` ON `packages` (`listed`,downloads DESC,`name`,`id`);--> statement-breakpoint
CREATE INDEX `packages_name_idx` ON `packages` (`listed`,`name`,`id`);
--> statement-breakpoint
-- What search/terms.ts makes of a package, each with the digit of its tier in front. No positions, and no text: only which
-- packages have a term, or one that begins so. The rowid is the package's id.
CREATE VIRTUAL TABLE package_terms USING fts5(body, content='', contentless_delete=1, detail='none', tokenize="ascii tokenchars '-_.^#@'", prefix='2 3 4 5');
--> statement-breakpoint
INSERT INTO package_search (package_id, name, tier, downloads, name_words, tag_words, author_words, fingerprint)
  SELECT p.id, p.name,
    CASE WHEN p.downloads >= 16384 THEN 7 WHEN p.downloads >= 4096 THEN 6 WHEN p.downloads >= 1024 THEN 5 WHEN p.downloads >= 256 THEN 4
      WHEN p.downloads >= 64 THEN 3 WHEN p.downloads >= 16 THEN 2 WHEN p.downloads >= 4 THEN 1 ELSE 0 END,
    p.downloads, ' ' || w.name || ' ', ' ' || substr(w.tags, 1, 2000) || ' ', ' ' || substr(w.authors, 1, 2000) || ' ', ''
  FROM packages p JOIN package_words w ON w.rowid = p.id WHERE p.listed;
--> statement-breakpoint
INSERT INTO package_terms (rowid, body)
  SELECT s.package_id, s.tier || replace(trim(w.name || ' ' || w.tags || ' ' || w.authors || ' ' || w.description), ' ', ' ' || s.tier)
    || ' ' || s.tier || '^' || s.name
    || coalesce((SELECT group_concat(' ' || s.tier || '#' || substr(lower(hex(tag)), 1, 200), '') FROM package_tags t WHERE t.package_id = s.package_id), '')
    || coalesce((SELECT group_concat(' ' || s.tier || '@' || substr(lower(hex(author)), 1, 200), '') FROM package_authors a WHERE a.package_id = s.package_id), '')
  FROM package_search s JOIN package_words w ON w.rowid = s.package_id;
--> statement-breakpoint
DELETE FROM package_trigrams WHERE rowid NOT IN (SELECT package_id FROM package_search);
--> statement-breakpoint
DROP TABLE package_words;
--> statement-breakpoint
INSERT INTO listed_packages (id, listed) SELECT 1, count(*) FROM package_search;
