import { parseArgs } from "node:util";
import { healthcheck } from "./cli/healthcheck.ts";
import { HELP } from "./cli/help.ts";
import { runMigrate } from "./cli/migrate.ts";
import { ConfigError } from "./config/config.ts";
import { MigrationError } from "./db/migrate.ts";
import { errorCode } from "./errors.ts";
import { VERSION } from "./version.ts";

const OPTIONS = {
  config: { type: "string" },
  url: { type: "string" },
  check: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
  version: { type: "boolean", short: "V", default: false },
} as const;

/** Exit code of a command that was called wrongly, as in sysexits.h (EX_USAGE). */
const USAGE_ERROR = 64;

/** Whoever else has an account on this machine must not read password hashes and keys. */
const UMASK = 0o077;

/** The command line does not name a thing this program can do. */
class UsageError extends Error {
  override readonly name = "UsageError";
}

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true });
  const [command = values.version ? "version" : "serve", ...rest] = positionals;
  process.umask(UMASK);
  if (values.help || command === "help") {
    console.log(HELP);
    return 0;
  }
  if (rest.length > 0) throw new UsageError(`Unexpected argument '${rest[0]}'`);
  switch (command) {
    case "serve":
      // Loaded on demand: the small commands start without the server.
      return (await import("./cli/serve.ts")).serve(values.config);
    case "migrate":
      return runMigrate(values.config, values.check, values.json);
    case "healthcheck":
      return healthcheck(values.config, values.url);
    case "openapi":
      return (await import("./cli/openapi.ts")).printOpenApi(values.config);
    case "version":
      console.log(values.json ? JSON.stringify({ version: VERSION, bun: Bun.version }) : `cpm-registry ${VERSION}`);
      return 0;
    default:
      throw new UsageError(`Unknown command '${command}'`);
  }
}

function isUsageError(cause: unknown): cause is Error {
  if (cause instanceof UsageError) return true;
  return cause instanceof Error && errorCode(cause)?.startsWith("ERR_PARSE_ARGS") === true;
}

/** One clear message per failed start; what nobody foresaw also says where it happened. */
function explain(cause: unknown): number {
  if (cause instanceof ConfigError) {
    console.error("cpm-registry cannot start; these settings are wrong:");
    for (const { setting, message } of cause.problems) console.error(`  ${setting} ${message}`);
    return 1;
  }
  if (isUsageError(cause)) {
    console.error(`${cause.message.split(". To specify")[0]}\nSee: cpm-registry help`);
    return USAGE_ERROR;
  }
  // What the system refuses, such as a taken port, is the operator's to mend; anything else is ours.
  const refused = cause instanceof Error && errorCode(cause) !== undefined;
  if (cause instanceof MigrationError || refused) console.error(`cpm-registry cannot start: ${cause.message}`);
  else console.error("cpm-registry failed:", cause);
  return 1;
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (cause) {
  process.exitCode = explain(cause);
}
// Timers and pools of a stopped server must not keep the process; what had to be written was written.
process.exit();
