import { requireForm } from "../http/validate.ts";
import { SETTLED_AFTER_MS, setReadOnly } from "../log/read-only.ts";
import { ReadOnlyBody } from "../moderation/schemas.ts";
import { print, printJson } from "../runtime/print.ts";
import { escapeUnprintable } from "../runtime/printable.ts";
import { runOffline } from "../start/run-offline.ts";
import { UsageError } from "./usage.ts";

/** Options and arguments of `admin read-only`. */
export interface ReadOnlyArguments {
  readonly config: string | undefined;
  /** `on` or `off`. */
  readonly mode: string;
  readonly reason: string | undefined;
  readonly wait: boolean;
  /** Give up the copy that `db copy` made, and go on with this database. */
  readonly yes: boolean;
  readonly json: boolean;
}

/**
 * Makes a registry read-only or writable. Throws `UsageError` unless the mode is `on` with a reason,
 * or `off` without one.
 */
export async function adminReadOnly({ config, mode, reason, wait, yes, json }: ReadOnlyArguments): Promise<number> {
  const isOn = mode === "on";
  if (!isOn && mode !== "off") throw new UsageError("admin read-only needs on or off.");
  if (isOn !== (reason !== undefined)) {
    throw new UsageError("admin read-only on needs --reason <text>, and admin read-only off takes none.");
  }
  if (isOn && yes) throw new UsageError("--yes is for admin read-only off.");
  if (isOn) requireForm(ReadOnlyBody, { reason });
  const { changed, since } = await runOffline(config, (deps) => setReadOnly(deps, reason), yes ? "use" : "refuse");
  if (isOn && wait) await Bun.sleep(SETTLED_AFTER_MS);
  if (json) printJson({ readOnly: isOn, changed, ...(isOn ? { reason, since } : {}) });
  else if (isOn) print(`The registry is read-only since ${since?.toISOString()}: ${escapeUnprintable(reason ?? "")}`);
  else print(changed ? "The registry is writable again." : "The registry was not read-only.");
  return 0;
}
