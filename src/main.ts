import { parseArgs } from "node:util";
import type { AdminArguments } from "./cli/admin-accounts.ts";
import { explain } from "./cli/explain.ts";
import { healthcheck } from "./cli/healthcheck.ts";
import { COMMAND_HELP, HELP } from "./cli/help.ts";
import { runMigrate } from "./cli/migrate.ts";
import { UsageError } from "./cli/usage.ts";
import { VERSION } from "./runtime/version.ts";

const OPTIONS = {
  config: { type: "string" },
  url: { type: "string" },
  check: { type: "boolean" },
  json: { type: "boolean" },
  "dry-run": { type: "boolean" },
  grace: { type: "string" },
  repair: { type: "boolean" },
  from: { type: "string" },
  to: { type: "string" },
  email: { type: "string" },
  admin: { type: "boolean" },
  "password-stdin": { type: "boolean" },
  reason: { type: "string" },
  lift: { type: "boolean" },
  log: { type: "string", multiple: true },
  port: { type: "string" },
  host: { type: "string" },
  data: { type: "string" },
  registry: { type: "string" },
  proof: { type: "string" },
  vkey: { type: "string" },
  policy: { type: "string" },
  archives: { type: "boolean" },
  yes: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "V" },
} as const;

function parse(args: string[]) {
  return parseArgs({ args, options: OPTIONS, allowPositionals: true });
}

type Values = ReturnType<typeof parse>["values"];

interface Command {
  /** Those it takes; `--help` belongs to all. */
  readonly options: readonly (keyof typeof OPTIONS)[];
  /** What follows its name, as the help has it; in brackets what may be left out. */
  readonly takes?: readonly string[];
  readonly run: (values: Values, given: readonly string[]) => number | Promise<number>;
}

function printVersion({ json }: Values): number {
  console.log(json ? JSON.stringify({ version: VERSION, bun: Bun.version }) : `cpm-registry ${VERSION}`);
  return 0;
}

/** Administration from the machine of the registry, beside its server. */
const ADMIN_COMMANDS: Readonly<Record<string, Command>> = {
  "admin create": {
    options: ["config", "email", "admin", "password-stdin", "json"],
    takes: ["<username>"],
    run: async (
      { config, email, admin = false, "password-stdin": passwordStdin = false, json = false },
      [username = ""],
    ) => (await adminAccounts()).adminCreate({ config, username, email, admin, passwordStdin, json }),
  },
  "admin reset-password": {
    options: ["config", "password-stdin", "json"],
    takes: ["<username>"],
    run: async ({ config, "password-stdin": passwordStdin = false, json = false }, [username = ""]) =>
      (await adminAccounts()).adminResetPassword({ config, username, passwordStdin, json }),
  },
  "admin grant": ofAccount(async (given) => (await adminAccounts()).adminGrant(given)),
  "admin revoke": ofAccount(async (given) => (await adminAccounts()).adminRevoke(given)),
  "admin disable": ofAccount(async (given) => (await adminAccounts()).adminDisable(given)),
  "admin enable": ofAccount(async (given) => (await adminAccounts()).adminEnable(given)),
  "admin quarantine": {
    options: ["config", "reason", "lift", "json"],
    takes: ["<name>", "[<version>]"],
    run: async ({ config, reason, lift = false, json = false }, [name = "", version]) =>
      (await import("./cli/admin-moderation.ts")).adminQuarantine({ config, name, version, reason, lift, json }),
  },
  "admin allow-name": {
    options: ["config", "json"],
    takes: ["<name>"],
    run: async ({ config, json = false }, [name = ""]) =>
      (await import("./cli/admin-moderation.ts")).adminAllowName({ config, name, json }),
  },
};

/** Logs, this registry's and others'. */
const LOG_COMMANDS: Readonly<Record<string, Command>> = {
  verify: {
    options: ["registry", "proof", "vkey", "policy", "json"],
    takes: ["<archive>"],
    run: async ({ registry, proof, vkey, policy, json = false }, [archive = ""]) =>
      (await import("./cli/verify.ts")).verify({ archive, registry, proof, vkey, policy, json }),
  },
  "log audit": {
    options: ["registry", "vkey", "policy", "archives", "json"],
    run: async ({ registry, vkey, policy, archives = false, json = false }) =>
      (await import("./cli/log.ts")).logAudit({ registry, vkey, policy, archives, json }),
  },
  "log key": { options: ["config"], run: async ({ config }) => (await import("./cli/log.ts")).logKey(config) },
  "log make-key": {
    options: [],
    takes: ["<origin>"],
    run: async (_, [origin = ""]) => (await import("./cli/log.ts")).logMakeKey(origin),
  },
  "log accept-rollback": {
    options: ["config", "yes", "json"],
    run: async ({ config, yes = false, json = false }) =>
      (await import("./cli/log.ts")).logAcceptRollback(config, yes, json),
  },
};

function adminAccounts() {
  return import("./cli/admin-accounts.ts");
}

/** A command that takes an account and nothing else. */
function ofAccount(run: (given: AdminArguments) => Promise<number>): Command {
  return {
    options: ["config", "json"],
    takes: ["<username>"],
    run: ({ config, json = false }, [username = ""]) => run({ config, username, json }),
  };
}

/** Loaded on demand, most of them: the small commands start without the server. */
const COMMANDS: Readonly<Record<string, Command>> = {
  serve: {
    options: ["config"],
    run: async ({ config }) => {
      (await import("./start/runtime-settings.ts")).restartAsServer();
      return (await import("./cli/serve.ts")).serve(config);
    },
  },
  migrate: {
    options: ["config", "check", "json"],
    run: ({ config, check = false, json = false }) => runMigrate(config, check, json),
  },
  healthcheck: { options: ["config", "url"], run: ({ config, url }) => healthcheck(config, url) },
  gc: {
    options: ["config", "dry-run", "grace", "json"],
    run: async ({ config, "dry-run": dryRun = false, grace, json = false }) =>
      (await import("./cli/gc.ts")).gc({ config, dryRun, grace, json }),
  },
  fsck: {
    options: ["config", "repair", "json"],
    run: async ({ config, repair = false, json = false }) =>
      (await import("./cli/fsck.ts")).fsck({ config, repair, json }),
  },
  "storage copy": {
    options: ["config", "from", "to", "json"],
    run: async ({ config, from, to, json = false }) =>
      (await import("./cli/storage-copy.ts")).storageCopy({ config, from, to, json }),
  },
  worker: {
    options: ["config"],
    takes: ["<number>"],
    run: async ({ config }, [number = ""]) => (await import("./cli/serve.ts")).serveAsWorker(config, number),
  },
  ...ADMIN_COMMANDS,
  ...LOG_COMMANDS,
  witness: {
    options: ["log", "port", "host", "data"],
    takes: ["<name>"],
    run: async ({ log = [], port, host, data }, [name = ""]) =>
      (await import("./cli/witness.ts")).runWitness({ name, logs: log, port, host, data }),
  },
  openapi: {
    options: ["config"],
    run: async ({ config }) => (await import("./cli/openapi.ts")).printOpenApi(config),
  },
  version: { options: ["json", "version"], run: printVersion },
};

/** Whoever else has an account on this machine must not read password hashes and keys. */
const UMASK = 0o077;

/** What is run, for messages. */
let running = "";

/** Splits words into the command, of one word or two, and what follows it. */
function commandOf(words: readonly string[]): { name: string; rest: readonly string[] } {
  const two = words.slice(0, 2).join(" ");
  return two in COMMANDS ? { name: two, rest: words.slice(2) } : { name: words[0] ?? "", rest: words.slice(1) };
}

function unknownCommand(name: string): string {
  if (!Object.hasOwn(COMMAND_HELP, name)) return `Unknown command '${name}'`;
  return `${name} needs one of its commands: cpm-registry ${name} --help`;
}

function requireWords(name: string, takes: readonly string[], given: readonly string[]): void {
  const missing = takes.find((word, at) => given[at] === undefined && !word.startsWith("["));
  if (missing !== undefined) throw new UsageError(`${name} needs ${missing}`);
  const surplus = given[takes.length];
  if (surplus !== undefined) throw new UsageError(`Unexpected argument '${surplus}'`);
}

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parse(args);
  const words = positionals[0] === "help" ? positionals.slice(1) : positionals;
  const { name, rest } = commandOf(words.length > 0 ? words : [values.version ? "version" : "serve"]);
  process.umask(UMASK);
  if (values.help || positionals[0] === "help") {
    console.log(words.length > 0 && Object.hasOwn(COMMAND_HELP, name) ? COMMAND_HELP[name] : HELP);
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw new UsageError(unknownCommand(name));
  requireWords(name, command.takes ?? [], rest);
  const given = Object.keys(values);
  const foreign = given.find((option) => !command.options.some((known) => known === option));
  if (foreign !== undefined) throw new UsageError(`${name} has no option --${foreign}`);
  running = name;
  return command.run(values, rest);
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (cause) {
  process.exitCode = explain(cause, running);
}
// Timers and pools of a stopped server must not keep the process; what had to be written was written.
process.exit();
