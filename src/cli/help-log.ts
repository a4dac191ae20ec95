const TRUST_OPTIONS = `  --registry <url>  the registry to ask; CPM_API_TOKEN in the environment for a private one
  --vkey <key>      the log's verifier key, from a source that you trust; else the one seen first is believed
  --policy <file>   logs and witnesses that must have signed (c2sp.org/tlog-policy); LOG_POLICY unless given
  --json            print one JSON document

What was seen is kept in ~/.cpm/log: a log that later shows another history is noticed.`;

const VERIFY = `Usage: cpm-registry verify <archive> --registry <url> [options]
       cpm-registry verify <archive> --proof <file> [options]

Checks that an archive is what its publisher signed and what is in the registry's log. With --proof and without
--registry nobody is asked: GET <registry>/api/packages/<name>/<version>/proof is the file.

Options
  --proof <file>    the proof, in place of the registry's answer
${TRUST_OPTIONS}

Exits with 1 when something is wrong.

Example
  cpm-registry verify hello-0.1.0.cpm --registry https://cpm.example.org
`;

const LOG = `Usage: cpm-registry log <command>

Commands
  log audit            check the whole log of a registry
  log key              print the verifier key of this registry's log
  log make-key         print a new LOG_SIGNING_KEY
  log accept-rollback  go on with a database that has less than was published

Example
  cpm-registry log audit --registry https://cpm.example.org
`;

const AUDIT = `Usage: cpm-registry log audit --registry <url> [options]

Reads every leaf of a registry's log: computes every tile and the root again, verifies the signatures, and looks for
versions that were logged twice and for gaps in yanks and key changes. The next audit reads what is new, also after one
that was interrupted.

Options
  --archives        download every archive too: its digest, and the signatures that are over the archive itself
${TRUST_OPTIONS}

Exits with 1 when something is wrong, or could not be asked ("complete" is false then).

Example
  cpm-registry log audit --registry https://cpm.example.org --archives
`;

const KEY = `Usage: cpm-registry log key [--config <file>]

Prints the verifier key of this registry's log, for --vkey and for policies: of LOG_SIGNING_KEY, or of log.key in
DATA_DIR, which is made when it is missing.

Example
  cpm-registry log key
`;

const MAKE_KEY = `Usage: cpm-registry log make-key <origin>

Prints a new private key that signs the log of this origin, for LOG_SIGNING_KEY. Keep it: a log has one key for good.

Example
  cpm-registry log make-key cpm.example.org/log
`;

const ACCEPT_ROLLBACK = `Usage: cpm-registry log accept-rollback [--yes] [--json] [--config <file>]

For a registry that refuses writes with log_rollback and cannot get its newest database back: shows how many leaves were
published and how many the database has. With --yes the database's checkpoint becomes the published one; the other is
kept as log/checkpoint-before-rollback. Whoever saw the longer log will notice.

Stop the registry first, and start it afterwards: --yes is refused while one runs. On SQLite that is known of this
machine, on Postgres of every server whose role the settings' role may see in pg_stat_activity. It is refused too when
there is no rollback.

Example
  cpm-registry log accept-rollback --yes
`;

/** The help of `verify` and of what can be done with logs. */
export const LOG_HELP = {
  verify: VERIFY,
  log: LOG,
  "log audit": AUDIT,
  "log key": KEY,
  "log make-key": MAKE_KEY,
  "log accept-rollback": ACCEPT_ROLLBACK,
};
