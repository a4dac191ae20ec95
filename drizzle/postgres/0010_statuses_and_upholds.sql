CREATE TABLE "key_reset_upholds" (
	"package_id" bigint NOT NULL,
	"by_username" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "key_reset_upholds_package_id_pk" PRIMARY KEY("package_id")
);
--> statement-breakpoint
CREATE TABLE "package_statuses" (
	"package_id" bigint NOT NULL,
	"version" text NOT NULL,
	"seq" bigint NOT NULL,
	"action" text NOT NULL,
	"category" text NOT NULL,
	"log_index" bigint NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "package_statuses_package_id_version_seq_pk" PRIMARY KEY("package_id","version","seq")
);
--> statement-breakpoint
ALTER TABLE "key_reset_upholds" ADD CONSTRAINT "key_reset_upholds_package_id_packages_id_fk" FOREIGN KEY ("package_id") REFERENCES "public"."packages"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "package_statuses" ADD CONSTRAINT "package_statuses_package_id_packages_id_fk" FOREIGN KEY ("package_id") REFERENCES "public"."packages"("id") ON DELETE cascade ON UPDATE no action;