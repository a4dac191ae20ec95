-- Ranked search over the words of a package. `db/sqlite` columns are filled by search/sqlite.ts with folded words,
-- so that both databases split text alike. The rowid is the package's id.
CREATE VIRTUAL TABLE package_words USING fts5(name, tags, authors, description, tokenize = "unicode61 remove_diacritics 0", prefix = '2 3');
--> statement-breakpoint
-- Parts of names, for "contains" and for typing errors.
CREATE VIRTUAL TABLE package_trigrams USING fts5(name, tokenize = "trigram");
