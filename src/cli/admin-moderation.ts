import { OPERATOR } from "../audit/record-event.ts";
import { requireForm } from "../http/validate.ts";
import { allowName } from "../moderation/allow-name.ts";
import { quarantinePackage, quarantineVersion } from "../moderation/quarantine.ts";
import { nameParam, QuarantineBody } from "../moderation/schemas.ts";
import { runOffline } from "../start/run-offline.ts";
import { UsageError } from "./usage.ts";

/** Options and arguments of `admin quarantine`. */
export interface QuarantineArguments {
  readonly config: string | undefined;
  readonly name: string;
  /** Undefined for the whole package. */
  readonly version: string | undefined;
  readonly reason: string | undefined;
  readonly lift: boolean;
  readonly json: boolean;
}

/**
 * Quarantines a package or a version, or releases it. Throws `UsageError` unless one of `reason`
 * and `lift` is given.
 */
export async function adminQuarantine(given: QuarantineArguments): Promise<number> {
  const { config, version, reason, lift, json } = given;
  if (lift === (reason !== undefined))
    throw new UsageError("admin quarantine needs --reason <text>, or --lift to release.");
  if (!lift) requireForm(QuarantineBody, { reason });
  const name = nameParam(given.name);
  const { quarantine } = await runOffline(config, async (opened) => {
    if (version === undefined) return await quarantinePackage(opened, OPERATOR, name, reason);
    return await quarantineVersion(opened, OPERATOR, name, version, reason);
  });
  const what = version === undefined ? name : `${name} ${version}`;
  if (json) console.log(JSON.stringify({ name, version: version ?? null, quarantine }));
  else if (quarantine !== null) console.log(`${what} has been held back since ${quarantine.at}: ${quarantine.reason}`);
  else console.log(`${what} is not held back.`);
  return 0;
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
  console.log(json ? JSON.stringify({ name, allowed: true }) : `${name} may be published now.`);
  return 0;
}
