CREATE TABLE "log_leaves" (
	"idx" bigint NOT NULL,
	"leaf" text NOT NULL,
	CONSTRAINT "log_leaves_idx_pk" PRIMARY KEY("idx")
);
--> statement-breakpoint
CREATE TABLE "log_state" (
	"id" bigint NOT NULL,
	"origin" text NOT NULL,
	"vkey" text NOT NULL,
	"size" bigint NOT NULL,
	"root" text NOT NULL,
	"checkpoint" text NOT NULL,
	CONSTRAINT "log_state_id_pk" PRIMARY KEY("id")
);
--> statement-breakpoint
CREATE TABLE "log_tiles" (
	"level" bigint NOT NULL,
	"idx" bigint NOT NULL,
	"data" "bytea" NOT NULL,
	CONSTRAINT "log_tiles_level_idx_pk" PRIMARY KEY("level","idx")
);
--> statement-breakpoint
ALTER TABLE "package_key_changes" ADD COLUMN "log_index" bigint;--> statement-breakpoint
ALTER TABLE "versions" ADD COLUMN "log_index" bigint;--> statement-breakpoint
ALTER TABLE "versions" ADD COLUMN "yank_seq" bigint DEFAULT 0 NOT NULL;