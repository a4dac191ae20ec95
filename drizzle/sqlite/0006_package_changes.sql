-- What commits changed, for other processes on this file (src/db/watch-sqlite.ts). Postgres has NOTIFY for it.
CREATE TABLE package_changes (id integer PRIMARY KEY NOT NULL, names text NOT NULL);
