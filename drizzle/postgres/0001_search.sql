-- pg_trgm is a trusted extension since Postgres 13: the owner of the database may create it.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
--> statement-breakpoint
-- Ranked search over the words of a package. The columns are filled by search/postgres.ts with folded words,
-- so that both databases split text alike.
CREATE TABLE package_words (
  package_id bigint PRIMARY KEY REFERENCES packages (id) ON DELETE CASCADE,
  name text NOT NULL,
  words tsvector NOT NULL
);
--> statement-breakpoint
CREATE INDEX package_words_words_idx ON package_words USING gin (words);
--> statement-breakpoint
-- Parts of names, for "contains" and for typing errors.
CREATE INDEX package_words_name_idx ON package_words USING gin (name gin_trgm_ops);
