CREATE TABLE "log_changes" (
	"idx" bigint NOT NULL,
	"leaf" text NOT NULL,
	"checkpoint" text NOT NULL,
	CONSTRAINT "log_changes_idx_pk" PRIMARY KEY("idx")
);
