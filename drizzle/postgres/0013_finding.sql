CREATE TABLE "package_dependencies" (
	"package_id" bigint NOT NULL,
	"dependency" text NOT NULL,
	CONSTRAINT "package_dependencies_package_id_dependency_pk" PRIMARY KEY("package_id","dependency")
);
--> statement-breakpoint
CREATE TABLE "pending_rebuilds" (
	"what" text PRIMARY KEY NOT NULL,
	"done_id" bigint NOT NULL
);
--> statement-breakpoint
ALTER TABLE "versions" ADD COLUMN "version_order" text COLLATE "C" DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "package_dependencies" ADD CONSTRAINT "package_dependencies_package_id_packages_id_fk" FOREIGN KEY ("package_id") REFERENCES "public"."packages"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "package_dependencies_dependency_idx" ON "package_dependencies" USING btree ("dependency","package_id");--> statement-breakpoint
CREATE INDEX "versions_order_idx" ON "versions" USING btree ("package_id","version_order");--> statement-breakpoint
-- packages/pending-rebuilds.ts derives these from the rows that exist: SQL cannot.
INSERT INTO pending_rebuilds (what, done_id) VALUES ('version_order', 0), ('listings', 0);
