import { OPERATOR } from "../audit/record-event.ts";
import { requireForm } from "../http/validate.ts";
import { upholdReset } from "../keys/uphold-reset.ts";
import { allowName } from "../moderation/allow-name.ts";
import { quarantinePackage, quarantineVersion } from "../moderation/quarantine.ts";
import { nameParam, QuarantineBody } from "../moderation/schemas.ts";
import { quarantineView } from "../packages/views.ts";
import { print, printJson } from "../runtime/print.ts";
import { escapeUnprintable } from "../runtime/printable.ts";
import { runOffline, runOfflineOnLog } from "../start/run-offline.ts";
import { STATUS_REASONS, type StatusReason } from "../tlog/status-leaf.ts";
import { UsageError } from "./usage.ts";

/** Options and arguments of `admin quarantine`. */
export interface QuarantineArguments {
  readonly config: string | undefined;
  readonly name: string;
  /** Undefined for the whole package. */
  readonly version: string | undefined;
  readonly reason: string | undefined;
  /** What the log records. Undefined means the category of the present quarantine, or `policy`. */
  readonly category: string | undefined;
  readonly lift: boolean;
  readonly json: boolean;
}

/**
 * Quarantines a package or a version, or releases it. Throws `UsageError` unless one of `reason`
 * and `lift` is given, and for an unknown category.
 */
export async function adminQuarantine(given: QuarantineArguments): Promise<number> {
  const { config, version, reason, lift, json } = given;
  if (lift === (reason !== undefined))
    throw new UsageError("admin quarantine needs --reason <text>, or --lift to release.");
  if (!lift) requireForm(QuarantineBody, { reason });
  const category = categoryOf(given);
  const change = reason === undefined ? undefined : { reason, category };
  const name = nameParam(given.name);
  const quarantine = await runOfflineOnLog(config, async (deps) => {
    if (version === undefined) return quarantineView((await quarantinePackage(deps, OPERATOR, name, change)).row);
    return (await quarantineVersion(deps, OPERATOR, name, version, change)).quarantine;
  });
  const what = version === undefined ? name : `${name} ${version}`;
  if (json) printJson({ name, version: version ?? null, quarantine });
  else if (quarantine !== null)
    print(`${what} has been in quarantine since ${quarantine.at}: ${escapeUnprintable(quarantine.reason)}`);
  else print(`${what} is not in quarantine.`);
  return 0;
}

function categoryOf({ category: text, lift }: QuarantineArguments): StatusReason | undefined {
  const category = STATUS_REASONS.find((known) => known === text);
  if (text !== undefined && (category === undefined || lift)) {
    throw new UsageError(`--category needs one of ${STATUS_REASONS.join(", ")}, and goes with --reason.`);
  }
  return category;
}

/** Allows a package name that resembles a popular one. */
export async function adminAllowName({
  config,
  name: text,
  json,
}: {
  readonly config: string | undefined;
  readonly name: string;
  readonly json: boolean;
}): Promise<number> {
  const name = nameParam(text);
  await runOffline(config, (deps) => allowName(deps, OPERATOR, name));
  if (json) printJson({ name, allowed: true });
  else print(`${name} may be published now.`);
  return 0;
}

/** Keeps keys from cancelling the pending reset of a package, or else its next one. */
export async function adminUpholdReset({
  config,
  name: text,
  json,
}: {
  readonly config: string | undefined;
  readonly name: string;
  readonly json: boolean;
}): Promise<number> {
  const name = nameParam(text);
  const upheld = await runOfflineOnLog(config, (deps) => upholdReset(deps, OPERATOR, name));
  const { reset, waitsUntil } = upheld;
  if (json) printJson(upheld);
  else if (reset !== null) {
    print(
      `Keys cannot cancel the reset of ${name} any more. ${reset.publicKey} replaces its keys at ${reset.effectiveAt}.`,
    );
  } else {
    print(
      `No reset of ${name} is pending. Keys cannot cancel the next one, if an owner requests it before ${waitsUntil}.`,
    );
  }
  return 0;
}
