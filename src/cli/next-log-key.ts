import type { Config } from "../config/config.ts";
import {
  logKeyLockPath,
  logKeyPath,
  makeLogKey,
  parseLogKeys,
  readLogKeyLines,
  writeLogKeys,
} from "../config/log-key.ts";
import { takeProcessLock } from "../db/process-lock.ts";
import { type LogKeys, vkeyOf } from "../log/log-keys.ts";
import { parseSignerKey, type SignerKey } from "../tlog/note.ts";

/** A command that changes the log's key cannot run now. The message says what to do. */
export class Refused extends Error {
  override readonly name = "Refused";
}

/** The reason of a refusal where the database has no log. */
export const NO_LOG = "there is no log yet. Start the registry once.";

/** The reason of a refusal where this machine does not have the log's key. */
export const KEY_LOST =
  "the key of the log is missing, or is another one. Put log.key (or LOG_SIGNING_KEY) back. If it is lost for ever, look at cpm-registry log start-new.";

/**
 * Returns a key of this origin that never signed the log, for its next change. With LOG_SIGNING_KEY
 * the operator has put it there. Otherwise it is made, and added to `log.key` durably before this
 * returns. A key that an interrupted command made is found there and taken.
 *
 * Throws `Refused` if the operator has to do something first. `placing` says where in
 * LOG_SIGNING_KEY the new key belongs.
 */
export function nextLogKey(
  { logKeys, dataDir }: Config,
  origin: string,
  used: readonly string[],
  placing: string,
): SignerKey {
  const isNew = (key: SignerKey) => key.name === origin && !used.includes(vkeyOf(key));
  if (logKeys !== undefined) {
    const found = logKeys.reveal().find(isNew);
    if (found !== undefined) return found;
    throw new Refused(
      `LOG_SIGNING_KEY has no new key of ${origin}. Make one with cpm-registry log make-key ${origin}, ${placing} and run the command again.`,
    );
  }
  const lines = readLogKeyLines(dataDir);
  const known = lines.length === 0 ? [] : parseLogKeys(lines.join("\n"));
  if (known === undefined) {
    throw new Refused(`${logKeyPath(dataDir)} contains something else than keys. Move it away, then run it again.`);
  }
  const found = known.find(isNew);
  if (found !== undefined) return found;
  const made = makeLogKey(origin);
  writeLogKeys(dataDir, [...lines, made]);
  const key = parseSignerKey(made);
  if (key === undefined) throw new Error("A generated log key cannot be parsed");
  return key;
}

/**
 * Writes `log.key` with the present key in its first line, and without those that a rotation
 * replaced and that do not sign any more. Does nothing with LOG_SIGNING_KEY.
 */
export function settleLogKeys(
  { logKeys, dataDir }: Config,
  { verifier, cosigners }: LogKeys,
  { used, now }: { readonly used: readonly string[]; readonly now: Date },
): void {
  if (logKeys !== undefined) return;
  const cosigning = cosigners.filter(({ untilMs }) => now.getTime() < untilMs).map(({ key }) => vkeyOf(key));
  const lines = readLogKeyLines(dataDir).map((line) => {
    const key = parseSignerKey(line);
    return { line, vkey: key && vkeyOf(key), isPresent: key?.publicKey.equals(verifier.publicKey) === true };
  });
  const kept = lines.filter(
    ({ isPresent, vkey = "" }) => !isPresent && (!used.includes(vkey) || cosigning.includes(vkey)),
  );
  writeLogKeys(
    dataDir,
    [...lines.filter(({ isPresent }) => isPresent), ...kept].map(({ line }) => line),
  );
}

/**
 * Lets no other command change `log.key` until what this returns is called. Of two that read and
 * write it at once, one would lose the key of the other. Does nothing with LOG_SIGNING_KEY. Throws
 * `Refused` while another command changes it.
 */
export function lockLogKeys({ logKeys, dataDir }: Config): () => void {
  if (logKeys !== undefined) return () => undefined;
  const release = takeProcessLock(logKeyLockPath(dataDir));
  if (release !== undefined) return release;
  throw new Refused("another command changes the key of this log. Wait until it has ended, and look what it did.");
}
