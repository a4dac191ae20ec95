CREATE TABLE "listed_packages" (
	"id" bigint NOT NULL,
	"listed" bigint NOT NULL,
	CONSTRAINT "listed_packages_id_pk" PRIMARY KEY("id")
);
--> statement-breakpoint
CREATE TABLE "package_search" (
	"package_id" bigint NOT NULL,
	"name" text COLLATE "C" NOT NULL,
	"tier" bigint NOT NULL,
	"downloads" bigint NOT NULL,
	"name_words" text NOT NULL,
	"tag_words" text NOT NULL,
	"author_words" text NOT NULL,
	"fingerprint" text NOT NULL,
	CONSTRAINT "package_search_package_id_pk" PRIMARY KEY("package_id")
);
--> statement-breakpoint
DROP INDEX "packages_listed_updated_idx";--> statement-breakpoint
DROP INDEX "packages_listed_downloads_idx";--> statement-breakpoint
DROP INDEX "packages_listed_name_idx";--> statement-breakpoint
ALTER TABLE "package_search" ADD CONSTRAINT "package_search_package_id_packages_id_fk" FOREIGN KEY ("package_id") REFERENCES "public"."packages"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "packages_updated_idx" ON "packages" USING btree ("listed",updated_at DESC,"name","id");--> statement-breakpoint
CREATE INDEX "packages_downloads_idx" ON "packages" USING btree ("listed",downloads DESC,"name","id");--> statement-breakpoint
CREATE INDEX "packages_name_idx" ON "packages" USING btree ("listed","name","id");
--> statement-breakpoint
-- What search/terms.ts makes of a package, each with the digit of its tier in front. SQLite has a table of its own for it.
ALTER TABLE package_search ADD COLUMN terms tsvector NOT NULL;
--> statement-breakpoint
INSERT INTO package_search (package_id, name, tier, downloads, name_words, tag_words, author_words, fingerprint, terms)
  SELECT p.id, p.name, tier.number, p.downloads,
    ' ' || coalesce(found.of_name, '') || ' ', ' ' || left(coalesce(found.of_tags, ''), 2000) || ' ',
    ' ' || left(coalesce(found.of_authors, ''), 2000) || ' ', '',
    array_to_tsvector(
      ARRAY (SELECT tier.number || lexeme FROM unnest(w.words))
      || ARRAY [tier.number || '^' || p.name]
      || ARRAY (SELECT tier.number || '#' || left(encode(convert_to(tag, 'UTF8'), 'hex'), 200) FROM package_tags t WHERE t.package_id = p.id)
      || ARRAY (SELECT tier.number || '@' || left(encode(convert_to(author, 'UTF8'), 'hex'), 200) FROM package_authors a WHERE a.package_id = p.id))
  FROM packages p JOIN package_words w ON w.package_id = p.id,
    LATERAL (SELECT CASE WHEN p.downloads >= 16384 THEN 7 WHEN p.downloads >= 4096 THEN 6 WHEN p.downloads >= 1024 THEN 5
      WHEN p.downloads >= 256 THEN 4 WHEN p.downloads >= 64 THEN 3 WHEN p.downloads >= 16 THEN 2 WHEN p.downloads >= 4 THEN 1
      ELSE 0 END AS number) AS tier,
    LATERAL (SELECT string_agg(lexeme, ' ') FILTER (WHERE 'A' = ANY (weights)) AS of_name,
        string_agg(lexeme, ' ') FILTER (WHERE 'B' = ANY (weights)) AS of_tags,
        string_agg(lexeme, ' ') FILTER (WHERE 'C' = ANY (weights)) AS of_authors
      FROM unnest(w.words)) AS found
  WHERE p.listed;
--> statement-breakpoint
DROP TABLE package_words;
--> statement-breakpoint
-- Without a list of what is pending, which every search would have to read through.
CREATE INDEX package_search_terms_idx ON package_search USING gin (terms) WITH (fastupdate = off);
--> statement-breakpoint
-- Parts of names, for "contains" and for typing errors.
CREATE INDEX package_search_name_idx ON package_search USING gin (name gin_trgm_ops) WITH (fastupdate = off);
--> statement-breakpoint
INSERT INTO listed_packages (id, listed) SELECT 1, count(*) FROM package_search;
