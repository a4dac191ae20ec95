import { KEY_ACTIONS, type KeyChange, REMOVAL_REASONS, secondsText } from "../signing/key-statements.ts";
import { decodeBase64, parseDecimal } from "./encoding.ts";

/**
 * One change of a package's keys as the log records it; `seq` numbers those of a package from 1.
 */
export interface KeyEntry extends KeyChange {
  readonly seq: number;
  /** A user name; `null` when a key alone proves the change. */
  readonly by: string | null;
  /**
   * Base64, over the statement of the change. `add`: of a key that may sign, then of the new key.
   * `remove`: of a key that may sign. `reset`: of the new key. `cancel`: of a key that may sign, or
   * none where an owner or an administrator cancels. `uphold`: none.
   */
  readonly signatures: readonly string[];
}

const KEY_LEAF =
  /^cpm\.key\/v2 ([!-~]+) (\d+) ([a-z]+) ([0-9a-f]{64})\nby ([!-~]+)\nprevious ([0-9a-f]{64})\nat ([!-~]+)\n(?:reason ([a-z]+)\nsince ([!-~]+)\n)?signatures ([!-~]+(?: [!-~]+)?)\n$/;

const SIGNATURE_BYTES = 64;

/** Writes the leaf of a key change. `parseLeaf` of tlog/leaf.ts reads it back. */
export function keyText({ name, seq, action, publicKey, by, previous, at, removal, signatures }: KeyEntry): string {
  return [
    `cpm.key/v2 ${name} ${seq} ${action} ${publicKey}\n`,
    `by ${by ?? "-"}\n`,
    `previous ${previous}\n`,
    `at ${secondsText(at)}\n`,
    ...(removal === undefined ? [] : [`reason ${removal.reason}\n`, `since ${removal.since ?? "-"}\n`]),
    `signatures ${signatures.join(" ") || "-"}\n`,
  ].join("");
}

/** Reads the leaf of a key change; `undefined` when its form is wrong. */
export function parseKey(text: string): ({ readonly kind: "key" } & KeyEntry) | undefined {
  const [, name = "", seqText = "", actionText, publicKey = "", by = "", previous = "", time = "", ...rest] =
    KEY_LEAF.exec(text) ?? [];
  const [reasonText, since, signatureText = ""] = rest;
  const seq = parseDecimal(seqText);
  const action = KEY_ACTIONS.find((known) => known === actionText);
  const at = new Date(time);
  const reason = REMOVAL_REASONS.find((known) => known === reasonText);
  if (seq === undefined || action === undefined || Number.isNaN(at.getTime())) return undefined;
  if (reason === undefined ? action === "remove" || reasonText !== undefined : action !== "remove") return undefined;
  const signatures = signatureText === "-" ? [] : signatureText.split(" ");
  if (signatures.some((signature) => decodeBase64(signature)?.length !== SIGNATURE_BYTES)) return undefined;
  const removal = reason === undefined ? {} : { removal: { reason, since: since === "-" ? null : (since ?? null) } };
  const who = { by: by === "-" ? null : by, signatures };
  return { kind: "key", name, seq, action, publicKey, previous, at, ...removal, ...who };
}
