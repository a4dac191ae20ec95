import { SETTING_GROUPS, type Setting } from "../src/config/setting.ts";
import { SETTINGS } from "../src/config/settings.ts";

/* The text of docs/settings.md, from the settings that the registry reads. */

const INTRODUCTION = `<!-- Written by scripts/generate.ts from src/config/settings.ts. Edit that file, then run
\`npm run generate\`. -->

# Settings

This page lists every setting of the registry. All of them have a default that works on one machine;
with Postgres or S3, a few are required.

Settings come from the **environment** and from a **JSON file** that you pass with
\`--config <file>\`. The environment takes precedence over the file. An empty value counts as not set.

- **Names** are compared without case, underscores and colons. \`STORAGE_BUCKET_NAME\`,
  \`Storage__BucketName\` and \`{"Storage": {"BucketName": "…"}}\` are the same setting.
- **Lists** are comma-separated. In the file, they may be JSON arrays.
- **Mistakes** are reported at start, all in one message. A name in the file that is not a setting
  is a mistake too, except the sections \`Logging\` and \`AllowedHosts\` of an
  \`appsettings.json\`.
- **Commands** such as \`cpm-registry gc\` read the same settings as the server. Run them with the
  same environment or the same file.

A settings file:

\`\`\`json
{
  "Port": 8080,
  "PublicUrl": "https://cpm.example.org",
  "DatabaseUrl": "postgres://cpm@db/cpm?sslmode=verify-full",
  "Cors": { "Origins": ["https://dashboard.example.org"] },
  "Storage": { "Type": "FileSystem" }
}
\`\`\`

The same as an environment file of systemd or Docker:

\`\`\`ini
PORT=8080
PUBLIC_URL=https://cpm.example.org
DATABASE_URL=postgres://cpm@db/cpm?sslmode=verify-full
CORS_ORIGINS=https://dashboard.example.org
STORAGE_TYPE=FileSystem
\`\`\`

## Secrets

Settings marked *secret* are never printed or logged. Keep them out of files that others can read:
use an environment file with mode 0600, or the secret store of your platform.

With SQLite, the registry creates the keys of sessions and of the log at its first start, as
\`jwt.key\` and \`log.key\` in \`DATA_DIR\`, both with mode 0600. With Postgres, several servers may share
the database, so you set both keys yourself.`;

const POSTGRES = `### Postgres

\`DATABASE_URL\` has one of two forms:

- \`postgres://user:password@host:5432/database?sslmode=verify-full\`, with special characters
  percent-encoded.
- \`Host=…;Port=5432;Database=…;Username=…;Password="a;b";SSL Mode=VerifyFull\`.

The characters \`@ : / ? # %\` in a user name or password must be percent-encoded, \`@\` as
\`%40\`. The tables are in the schema \`public\`, whatever the \`search_path\` of the role is.

Without a mode, TLS is tried first, and plain text is accepted too. \`require\` encrypts the
connection. \`verify-full\` also checks the certificate of the server.`;

const OTHER_VARIABLES = `## Variables that are not settings

The JSON file cannot contain these. They are read from the environment only.

| variable | read by | meaning |
|---|---|---|
| \`CPM_API_TOKEN\` | client commands, \`verify\`, \`log audit\` | API token; the last two need it for a registry with \`READ_ACCESS=authenticated\` (secret) |
| \`LOG_POLICY\` | \`verify\`, \`log audit\` | The policy file that is used without \`--policy\` |
| \`UV_THREADPOOL_SIZE\` | Bun, at start | Threads that wait for the disk. \`serve\` sets 16 if it is not set (Linux) |
| \`BUN_JSC_forceRAMSize\` | Bun, at start | Memory in bytes by which garbage is collected. \`serve\` sets 268435456 if it is not set (Linux) |`;

function valueText(value: string | number | boolean): string {
  return `\`${value}\``;
}

function defaultText(setting: Setting): string {
  if (setting.defaultText !== undefined) return setting.defaultText;
  return "default" in setting && setting.default !== undefined ? valueText(setting.default) : "none";
}

function typeText(setting: Setting): string {
  switch (setting.type) {
    case "integer":
      return `${setting.min} to ${setting.max}`;
    case "choice":
      return setting.choices.map(valueText).join(", ");
    case "flag":
      return "`true`, `false`";
    case "list":
      return "list";
    case "text":
      return setting.secret === true ? "text, *secret*" : "text";
  }
}

function groupText(group: (typeof SETTING_GROUPS)[number]): string {
  const settings = Object.entries<Setting>(SETTINGS).filter(([, setting]) => setting.group === group);
  const rows = settings.map(
    ([name, setting]) => `| \`${name}\` | ${typeText(setting)} | ${defaultText(setting)} | ${setting.description} |`,
  );
  return [`## ${group}`, ["| setting | value | default | meaning |", "|---|---|---|---|", ...rows].join("\n")].join(
    "\n\n",
  );
}

/** Returns the text of docs/settings.md. */
export function settingsDocument(): string {
  const groups = SETTING_GROUPS.flatMap((group) => [groupText(group), ...(group === "Database" ? [POSTGRES] : [])]);
  return `${[INTRODUCTION, ...groups, OTHER_VARIABLES].join("\n\n")}\n`;
}
