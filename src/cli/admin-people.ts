import { ACCOUNT_KINDS, type AccountState, type AccountView, listAccounts } from "../accounts/list-accounts.ts";
import { readAccount } from "../accounts/read-account.ts";
import { OPERATOR } from "../audit/record-event.ts";
import type { DatabaseConfig } from "../config/config.ts";
import { scrubDatabase } from "../db/scrub.ts";
import { Failure } from "../errors.ts";
import { deleteAccount } from "../moderation/delete-account.ts";
import { forgetAccount } from "../moderation/forget-account.ts";
import { counted } from "../runtime/counted.ts";
import { print, printError, printJson } from "../runtime/print.ts";
import { runOffline, runOfflineOnLog } from "../start/run-offline.ts";
import { listText, tableText } from "./table.ts";
import { UsageError } from "./usage.ts";

const PAGE = 500;

interface Given {
  readonly config: string | undefined;
  readonly json: boolean;
}

const ELSEWHERE =
  "Clean what this command cannot reach: older backups, databases from which you moved, exports of events, and logs of proxies.";

/** Options of `admin list`. */
export interface AdminListArguments extends Given {
  /** A part of a user name or e-mail address. */
  readonly sought: string | undefined;
  readonly kind: string;
}

/** Lists accounts. Throws `UsageError` for an unknown kind. */
export async function adminList({ config, json, sought = "", kind: text }: AdminListArguments): Promise<number> {
  const kind = ACCOUNT_KINDS.find((known) => known === text);
  if (kind === undefined) throw new UsageError(`--kind needs one of ${ACCOUNT_KINDS.join(", ")}.`);
  const accounts = await runOffline(config, async (deps) => {
    const found: AccountView[] = [];
    for (let after: string | null = ""; after !== null; ) {
      const page: Awaited<ReturnType<typeof listAccounts>> = await listAccounts(deps, {
        sought,
        kind,
        after,
        limit: PAGE,
      });
      found.push(...page.items);
      after = page.next;
    }
    return found;
  });
  if (json) printJson({ accounts });
  else {
    const rows = accounts.map(({ username, email, role, createdAt, state, disabledAt }) => [
      ...[username, email, role === "admin" ? "administrator" : "account", createdAt.slice(0, 10)],
      state === "enabled" ? "" : [state, disabledAt?.slice(0, 10)].join(" ").trimEnd(),
    ]);
    print(tableText([["NAME", "E-MAIL", "ROLE", "SINCE", "STATE"], ...rows]));
  }
  return 0;
}

const STATES: Readonly<Record<AccountState, string>> = {
  enabled: "in use",
  disabled: "disabled",
  forgotten: "forgotten",
  placeholder: "placeholder of log recover, without an address; to hand it over: admin reset-password",
};

/** Prints one account, and what it could act with now. */
export async function adminShow({ config, json, username }: Given & { readonly username: string }): Promise<number> {
  const account = await runOffline(config, (deps) => readAccount(deps, username));
  if (json) {
    printJson(account);
    return 0;
  }
  const { email, role, createdAt, state, disabledAt, sessions, tokens, keys, packages, resetLinkUntil } = account;
  print(
    tableText([
      ["user name", account.username],
      ["e-mail address", email === "" ? "(forgotten)" : email],
      ["role", role === "admin" ? "administrator" : "account"],
      ["made", createdAt],
      ["state", disabledAt === null ? STATES[state] : `${STATES[state]} since ${disabledAt}`],
      ...(resetLinkUntil === null ? [] : [["password", `none until its reset link is used, by ${resetLinkUntil}`]]),
      ["packages", String(packages)],
      ["can act with", `${counted(sessions, "session")}, ${counted(tokens, "API token")}, ${counted(keys, "key")}`],
    ]),
  );
  return 0;
}

/** Options of commands that delete what is known of a person. */
interface EraseArguments extends Given {
  readonly username: string;
  readonly yes: boolean;
}

/**
 * Deletes the personal data of an account. Returns 1 if deleted bytes may still be in files of the
 * database.
 */
export async function adminForget({
  config,
  json,
  username,
  yes,
  heir,
}: EraseArguments & { readonly heir: string | undefined }): Promise<number> {
  if (!yes) throw new UsageError(`This deletes what is known of ${username} for good. Add --yes to do it.`);
  return runOfflineOnLog(config, async (deps) => {
    const forgotten = await forgetAccount(deps, OPERATOR, username, heir);
    const scrubbed = await scrub(deps.config.database);
    const { changed, left, handedOver } = forgotten;
    if (json) printJson({ ...forgotten, databaseScrubbed: scrubbed });
    else {
      const what = changed ? "is forgotten" : "was forgotten before";
      const head = `${forgotten.username} ${what}. Nobody can log in to it, and its user name stays in the log.`;
      const more = [...listText("It left:", left), ...listText(`${heir} owns now:`, handedOver)];
      const keys = handedOver.length > 0 ? [keysText(`${heir}`)] : [];
      print([head, ...more, ...keys, ELSEWHERE].join("\n"));
    }
    return scrubbed ? 0 : 1;
  });
}

function keysText(heir: string): string {
  return `To publish them, ${heir} needs a key that may sign them. Where none of theirs may yet, they ask for a reset of
the package's keys, which takes 72 hours: docs/signing.md.`;
}

/**
 * Deletes an account without packages. Returns 1 if deleted bytes may still be in files of the
 * database.
 */
export async function adminDelete({ config, json, username, yes }: EraseArguments): Promise<number> {
  if (!yes) throw new UsageError(`This deletes the account ${username} for good. Add --yes to do it.`);
  return runOfflineOnLog(config, async (deps) => {
    const deleted = await deleteAccount(deps, OPERATOR, username);
    const scrubbed = await scrub(deps.config.database);
    if (json) printJson({ ...deleted, databaseScrubbed: scrubbed });
    else print(`Deleted the account ${deleted.username}. Its user name is free again.`);
    return scrubbed ? 0 : 1;
  });
}

async function scrub(database: DatabaseConfig): Promise<boolean> {
  try {
    await scrubDatabase(database);
    return true;
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause;
    const again = cause.error.code === "storage_full" ? "Free some space, then repeat" : "Repeat";
    printError(
      `It is done, but files of the database may still hold deleted bytes. ${again}: cpm-registry admin forget`,
    );
    return false;
  }
}
