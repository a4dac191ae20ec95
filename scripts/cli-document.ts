import type { Command } from "../src/cli/command.ts";
import { COMMANDS } from "../src/cli/commands.ts";
import { exitCodes, optionRow, usageOf } from "../src/cli/help-text.ts";
import { CLIENT_OPTIONS } from "../src/cli/shared-options.ts";

/* The text of docs/cli.md, from the table of commands. */

const INTRODUCTION = `<!-- Written by scripts/generate.ts from src/cli/commands/. Edit those files, then run
\`npm run generate\`. -->

# Commands

\`cpm-registry\` is one program: the registry, and the client to publish to one. \`cpm-registry help\`
lists the commands, \`cpm-registry <command> --help\` explains one. From a checkout without the
executable, this is the same program, wherever you are:

    alias cpm-registry='npm --silent --prefix <checkout> run cpm --'

## Rules of client commands

- **Output.** Answers are on standard output; questions, progress and errors on standard error.
  \`--json\` prints exactly one document, also for a failure: \`{"error": {"code": …, "detail": …}}\`.
  Tables are tab-separated and have no heading when they are piped.
- **Questions** are asked only on a terminal, and not with \`--json\`, \`--yes\` or \`CI\` in the
  environment. Otherwise the command ends with 64 and names the option that answers.
- **Registry.** \`--registry\`, then \`CPM_REGISTRY\`, then \`registry\` in \`~/.cpm/config\`: an address,
  or a name of \`registries\` there. \`register\` and \`login\` remember the first one. Plain http only
  goes to this machine, unless \`--insecure-http\` is given.
- **Network.** What may be repeated is tried five times, with growing waits; \`Retry-After\` is obeyed
  up to a minute. \`HTTPS_PROXY\` and \`NO_PROXY\` name a proxy; \`--cafile\`, \`cafile\` of a named
  registry, or \`SSL_CERT_FILE\` the certificates to trust.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | no, or something is wrong |
| 64 | the command line is wrong, or a question has no answer |
| 65 | what was given is refused: a rule of packages, a version that exists |
| 69 | the registry cannot be reached, or is busy after all tries |
| 77 | not logged in, or not permitted |
| 130 | interrupted |

## Files

In \`CPM_HOME\`, by default \`~/.cpm\`:

| file | mode | holds |
|---|---|---|
| \`config\` | 0644 | YAML: \`registry\`, \`registries: {name: {url, key, cafile}}\`, \`color\`, \`minimumAge\`; \`key\` is the verifier key of the log |
| \`credentials.json\` | 0600 | an API token for each registry, or where the keychain has it. It is refused when others can read it |
| \`keys/<name>.pem\`, \`.pub\` | 0600, 0644 | signing keys (PKCS#8), and their public halves |
| \`known-keys.json\`, \`log/\` | 0600 | what was seen of packages' keys and of logs |

## Environment

| variable | meaning |
|---|---|
| \`CPM_REGISTRY\` | the registry: an address or a name |
| \`CPM_API_TOKEN\` | an API token, used before that of \`login\` |
| \`CPM_SIGNING_KEY\` | the signing key: its text in PEM or hex, or the path of a file |
| \`CPM_SIGNING_KEY_PASSPHRASE\` | the passphrase of the key |
| \`NO_COLOR\` | no colours, whatever it says; \`--color\` is used before it |
| \`CPM_HOME\` | the directory of the files above |`;

/** Breaks the spaces of a paragraph into lines of the documents' width. */
function wrapped(text: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of escaped(text).trim().split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > 100) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join("\n");
}

/** What Markdown would read as markup. */
function escaped(text: string): string {
  return text.replaceAll(/[<*_|]/g, "\\$&");
}

function table(head: string, rows: readonly (readonly [string, string])[]): string {
  const lines = rows.map(([term, meaning]) => `| \`${term.replaceAll("|", "\\|")}\` | ${escaped(meaning)} |`);
  return [`| ${head} | |`, "|---|---|", ...lines].join("\n");
}

const COMMON = new Set(Object.keys(CLIENT_OPTIONS));

function commandText(command: Command): string {
  const { name, summary, help, options, arguments: words } = command;
  const isClient = command.isClient === true;
  const own = Object.entries(options).filter(([option]) => !isClient || !COMMON.has(option));
  const code = help.failure === undefined ? [] : exitCodes(help.failure).rows.filter(([term]) => term === "1");
  return [
    `### ${name}`,
    `${summary.slice(0, 1).toUpperCase()}${escaped(summary.slice(1))}.`,
    `    ${usageOf(command)}`,
    ...help.description.split(/\n\s*\n/).map(wrapped),
    ...(words.length === 0
      ? []
      : [
          table(
            "argument",
            words.map((word) => [`<${word.name}>`, word.description]),
          ),
        ]),
    ...(own.length === 0 ? [] : [table("option", own.map(optionRow))]),
    ...(help.sections ?? []).map(({ title, rows }) => `${title}:\n\n${table("", rows)}`),
    ...code.map(([, meaning]) => wrapped(`Exit code 1: ${meaning}.`)),
    `\`\`\`text\n${help.examples.join("\n")}\n\`\`\``,
  ].join("\n\n");
}

/** Returns the text of docs/cli.md. */
export function cliDocument(): string {
  const shown = COMMANDS.filter(({ internal }) => internal !== true);
  const ofClient = shown.filter(({ isClient }) => isClient === true);
  const others = shown.filter(({ isClient }) => isClient !== true);
  return [
    INTRODUCTION,
    "## Publish and use packages",
    "Commands that ask a registry also have these options:",
    table("option", Object.entries(CLIENT_OPTIONS).map(optionRow)),
    ...ofClient.map(commandText),
    "## Run and check a registry",
    "[operations.md](operations.md) says when to use them.",
    ...others.map(commandText),
    "",
  ]
    .join("\n\n")
    .trimEnd()
    .concat("\n");
}
