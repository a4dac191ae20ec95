import { requireForm } from "../http/validate.ts";
import { readReadOnly, SETTLED_AFTER_MS, setReadOnly } from "../log/read-only.ts";
import { ReadOnlyBody } from "../moderation/schemas.ts";
import { print, printJson } from "../runtime/print.ts";
import { escapeUnprintable } from "../runtime/printable.ts";
import { runOffline } from "../start/run-offline.ts";
import { UsageError } from "./usage.ts";

const MODES = ["on", "off", "status"];

/** Options and arguments of `admin read-only`. */
export interface ReadOnlyArguments {
  readonly config: string | undefined;
  /** `on`, `off` or `status`. */
  readonly mode: string;
  readonly reason: string | undefined;
  readonly wait: boolean;
  /** Give up the copy that `db copy` made, and go on with this database. */
  readonly yes: boolean;
  readonly json: boolean;
}

/**
 * Makes a registry read-only or writable, or says which it is. Throws `UsageError` unless the mode is
 * `on` with a reason, or `off` or `status` without one.
 */
export async function adminReadOnly({ config, mode, reason, wait, yes, json }: ReadOnlyArguments): Promise<number> {
  const isOn = mode === "on";
  if (!MODES.includes(mode)) throw new UsageError("admin read-only needs on, off or status.");
  if (isOn !== (reason !== undefined)) {
    throw new UsageError("admin read-only on needs --reason <text>, and off and status take none.");
  }
  if (mode !== "off" && yes) throw new UsageError("--yes is for admin read-only off.");
  if (mode === "status") return showStatus(config, json);
  if (isOn) requireForm(ReadOnlyBody, { reason });
  const { changed, since } = await runOffline(config, (deps) => setReadOnly(deps, reason), yes ? "use" : "refuse");
  if (isOn && wait) await Bun.sleep(SETTLED_AFTER_MS);
  if (json) printJson({ readOnly: isOn, changed, ...(isOn ? { reason, since } : {}) });
  else if (isOn) print(readOnlyText(since, reason));
  else print(changed ? "The registry is writable again." : "The registry was not read-only.");
  return 0;
}

async function showStatus(config: string | undefined, json: boolean): Promise<number> {
  const stored = await runOffline(config, ({ db }) => db.read(readReadOnly));
  if (json) printJson({ readOnly: stored !== undefined, ...stored });
  else print(stored === undefined ? "The registry is writable." : readOnlyText(stored.since, stored.reason));
  return 0;
}

function readOnlyText(since: Date | undefined, reason = ""): string {
  return `The registry is read-only since ${since?.toISOString()}: ${escapeUnprintable(reason)}`;
}
