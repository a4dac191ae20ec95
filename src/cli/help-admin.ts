const BESIDE = "Works on the machine of the registry, with its settings (or --config <file>), beside its server.";

const CREATE = `Usage: cpm-registry admin create <username> [--admin] [--email <address>] [--password-stdin] [--json]

Makes an account, also where REGISTRATION is closed. Its password is made and printed once, on standard output.
${BESIDE}

Options
  --admin            an administrator
  --email <address>  <username>@localhost unless given
  --password-stdin   the first line of standard input is its password, and nothing is printed of it
  --json             print one JSON document

Example
  cpm-registry admin create ada --admin --email ada@example.org
`;

const RESET_PASSWORD = `Usage: cpm-registry admin reset-password <username> [--password-stdin] [--json]

Gives an account another password, which is made and printed once, on standard output. Its sessions end, its API tokens
are revoked, and its failed logins are forgotten.
${BESIDE}

Options
  --password-stdin   the first line of standard input is its password, and nothing is printed of it
  --json             print one JSON document

Example
  cpm-registry admin reset-password ada
`;

const GRANT = `Usage: cpm-registry admin grant <username> [--json]

Makes an account an administrator, from its next request on.
${BESIDE}

Example
  cpm-registry admin grant ada
`;

const REVOKE = `Usage: cpm-registry admin revoke <username> [--json]

Makes an administrator an account like any other, from its next request on. Warns when no administrator is left.
${BESIDE}

Example
  cpm-registry admin revoke ada
`;

const DISABLE = `Usage: cpm-registry admin disable <username> [--json]

Shuts an account out: its sessions end, and its password and its API tokens are refused until it is enabled. What it
published stays. Warns when no administrator is left.
${BESIDE}

Example
  cpm-registry admin disable mallory
`;

const ENABLE = `Usage: cpm-registry admin enable <username> [--json]

Lets an account that was disabled in again, with its password and its API tokens.
${BESIDE}

Example
  cpm-registry admin enable ada
`;

const QUARANTINE = `Usage: cpm-registry admin quarantine <name> [<version>] --reason <text> [--json]
       cpm-registry admin quarantine <name> [<version>] --lift [--json]

Holds a package back, or one of its versions: its contents answer 403 with the reason, it is in no list and never
latest; what is known of it stays readable. Servers that run notice within a second, but copies in caches and on other
machines stay.
${BESIDE}

Options
  --reason <text>  why, in one line; whoever is refused reads it
  --lift           give it out again
  --json           print one JSON document

Example
  cpm-registry admin quarantine left-pad 1.0.1 --reason "Sends passwords to a stranger"
`;

const ALLOW_NAME = `Usage: cpm-registry admin allow-name <name> [--json]

Lets a name be published though it resembles one that many use.
${BESIDE}

Example
  cpm-registry admin allow-name num-py
`;

const ADMIN = `Usage: cpm-registry admin <command> [options]

Administration from the machine of the registry, with its settings, beside its server. Every change is an event.

Commands
  create <username>                make an account, an administrator with --admin
  reset-password <username>        give it another password; its sessions and API tokens end
  grant, revoke <username>         make it an administrator, or no longer one
  disable, enable <username>       shut it out, or let it in again
  quarantine <name> [<version>]    hold a package or a version back, or release it with --lift
  allow-name <name>                let a name be published though it resembles a popular one

Each has its own help: cpm-registry admin create --help

Example
  cpm-registry admin create ada --admin
`;

/** The help of the commands that administer. */
export const ADMIN_HELP: Readonly<Record<string, string>> = {
  admin: ADMIN,
  "admin create": CREATE,
  "admin reset-password": RESET_PASSWORD,
  "admin grant": GRANT,
  "admin revoke": REVOKE,
  "admin disable": DISABLE,
  "admin enable": ENABLE,
  "admin quarantine": QUARANTINE,
  "admin allow-name": ALLOW_NAME,
};
