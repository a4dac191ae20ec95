import { ADMIN_HELP } from "./help-admin.ts";
import { LOG_HELP } from "./help-log.ts";
import { WITNESS_HELP } from "./help-witness.ts";

/** Everything a person needs to start: commands, options, an example of each. */
export const HELP = `cpm-registry: the package registry of CPM, the package manager of ColonyOS

Usage: cpm-registry [command] [options]

Commands
  serve         run the registry (the default)
  migrate       bring the database up to date; serve does this by itself
  healthcheck   ask a running registry whether it is healthy
  fsck          compare database and archives, verify every digest and signature
  gc            remove archives that no version refers to, and stale temporary files
  storage copy  copy archives to another storage
  admin         make and manage accounts, hold packages back; cpm-registry admin --help
  witness       cosign the checkpoints of other registries' logs; cpm-registry witness --help
  verify        check an archive against its signature and the log, trusting nobody
  log           audit a log, its keys; cpm-registry log --help
  openapi       print the OpenAPI description of the API
  version       print the version (also --version)
  help          print this text; cpm-registry <command> --help tells more of a command

Options
  --config <file>   settings as JSON; the environment goes before it
  --json            print answers as JSON (migrate, version, fsck, gc, storage copy, admin, verify, log)
  --check           change nothing, exit 1 when migrations are pending (migrate)
  --url <address>   the registry to ask (healthcheck)
  --repair          mend what can be (fsck)
  --dry-run         change nothing, tell what would be removed (gc)
  --grace <time>    leave what is younger, 24h unless given (gc)
  --from, --to      the two storages (storage copy)
  --help            print this text

Examples
  cpm-registry
  PORT=8080 DATA_DIR=/var/lib/cpm cpm-registry serve
  DATABASE_URL=postgres://cpm:secret@db/cpm JWT_KEY=<secret> LOG_SIGNING_KEY=<secret> cpm-registry
  cpm-registry migrate --check
  cpm-registry healthcheck --url http://localhost:5000
  cpm-registry fsck
  cpm-registry gc --dry-run
  cpm-registry storage copy --from FileSystem --to S3
  cpm-registry admin create ada --admin
  cpm-registry verify hello-0.1.0.cpm --registry https://cpm.example.org
  cpm-registry log audit --registry https://cpm.example.org
  cpm-registry openapi > openapi.json

Settings come from the environment or the --config file: PORT, HOST, PUBLIC_URL, DATA_DIR, DATABASE_URL, JWT_KEY,
CORS_ORIGINS, REGISTRATION and more; the README lists them all.
`;

const SERVE = `Usage: cpm-registry serve [--config <file>]

Runs the registry until SIGTERM or SIGINT. Brings the database up to date first.

Example
  PORT=8080 DATA_DIR=/var/lib/cpm cpm-registry serve
`;

const MIGRATE = `Usage: cpm-registry migrate [--check] [--json] [--config <file>]

Brings the database up to date; serve does this by itself. With --check it changes nothing, and exits with 1 when
migrations are pending.

Example
  cpm-registry migrate --check
`;

const HEALTHCHECK = `Usage: cpm-registry healthcheck [--url <address>] [--config <file>]

Asks a running registry whether it is healthy, the one of the settings unless --url names another. Exits with 1 when it
is not.

Example
  cpm-registry healthcheck --url http://localhost:5000
`;

const OPENAPI = `Usage: cpm-registry openapi [--config <file>]

Prints the OpenAPI description of the API.

Example
  cpm-registry openapi > openapi.json
`;

const GC = `Usage: cpm-registry gc [--dry-run] [--grace <time>] [--json] [--config <file>]

Removes archives that no version refers to, which failed publishes leave, and temporary files that nobody writes to any
more, both when they are older than the grace. Safe while the registry runs and while another gc does: an archive that
a publish is about to refer to stays, or is stored again by that publish. Temporary files of processes that may be alive
are left for an hour at least, whatever the grace. It also finishes what a killed gc began.

Options
  --dry-run        change nothing, tell what would be removed
  --grace <time>   leave what is younger: 90s, 30m, 24h (the default), 7d
  --json           print one JSON document

Exits with 1 when something could not be removed.

Example
  cpm-registry gc --dry-run --grace 7d
`;

const FSCK = `Usage: cpm-registry fsck [--repair] [--json] [--config <file>]

Reads every archive of every version and compares its size and digest with the database, verifies every signature
again, and looks for archives that no version refers to. Changes nothing and is safe while the registry runs.

Options
  --repair   moves a damaged archive to corrupt/ in its storage, so that it is never given out: publish the same
             archive again to restore it. Reads again from the archive what files, readme and manifest answer, where
             that is missing. Nothing else is changed; what is lost can only come from its publisher or a backup.
  --json     print one JSON document

Problems
  blob_missing        the archive is not stored            blob_corrupt       its bytes are not those published
  size_mismatch       the database has another size        signature_invalid  the stored signature does not hold
  contents_missing    a row is missing, see --repair       unreadable         the storage does not give the archive

Exits with 1 when there are problems; after --repair, when any is left.

Example
  cpm-registry fsck --json > fsck.json
`;

const STORAGE_COPY = `Usage: cpm-registry storage copy --from <storage> --to <storage> [--json] [--config <file>]

Copies the archives that the destination lacks, hashing each on its way; a damaged one is told and not copied. Removes
nothing, needs no database, and can be stopped and run again: it goes on where it was.

A storage is one of
  FileSystem             packages/ in DATA_DIR
  S3                     the bucket of the settings STORAGE_*, whatever STORAGE_TYPE says
  s3://bucket/prefix     another bucket and prefix, the rest from STORAGE_*
  file:/some/directory   a directory that holds sha256/
  other.json             a settings file; the environment does not count for it

Exits with 1 when something could not be copied.

To move a registry: copy; stop it; copy again, which takes seconds; start it with the other STORAGE_TYPE.

Example
  cpm-registry storage copy --from FileSystem --to S3
`;

/** The help of single commands. */
export const COMMAND_HELP: Readonly<Record<string, string>> = {
  serve: SERVE,
  migrate: MIGRATE,
  healthcheck: HEALTHCHECK,
  openapi: OPENAPI,
  gc: GC,
  fsck: FSCK,
  "storage copy": STORAGE_COPY,
  witness: WITNESS_HELP,
  ...LOG_HELP,
  ...ADMIN_HELP,
};
