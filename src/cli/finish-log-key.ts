import type { Config } from "../config/config.ts";
import { logKeyPath } from "../config/log-key.ts";
import { readVerifiers } from "../log/log-changes.ts";
import { readLogKeys, readReplacedKeys } from "../log/log-keys.ts";
import { knownLogKey } from "../log/log-rows.ts";
import { print, printError, printJson } from "../runtime/print.ts";
import { presentLogKeys } from "../start/log-key.ts";
import type { OfflineDeps } from "../start/open-offline.ts";
import { runOffline } from "../start/run-offline.ts";
import { formatVerifierKey } from "../tlog/note.ts";
import { KEY_LOST, lockLogKeys, NO_LOG, Refused, settleLogKeys } from "./next-log-key.ts";
import { reportRefusal } from "./refused.ts";

/**
 * Takes replaced keys that do not sign any more out of `log.key`. A registry may run meanwhile,
 * because it does not sign with them either. Returns 1 if an old key still signs, or if the keys are
 * a setting that has one too many.
 */
export async function logFinishRotation(configFile: string | undefined, json: boolean): Promise<number> {
  try {
    const { removed, signing, path } = await runOffline(configFile, dropReplacedKeys);
    const stillSigning = signing.map(({ vkey, until }) => ({ vkey, until: until.toISOString() }));
    if (json) printJson({ changed: removed.length > 0, removed, stillSigning });
    else if (removed.length > 0) print(removedText(path, removed));
    else if (signing.length === 0) print("No old key is there to remove.");
    for (const { vkey, until } of stillSigning) {
      printError(`The old key ${vkey} signs until ${until}. Run the command again then.`);
    }
    return signing.length === 0 ? 0 : 1;
  } catch (cause) {
    if (!(cause instanceof Refused)) throw cause;
    return reportRefusal("log rotate-key", cause.message, json);
  }
}

async function dropReplacedKeys(deps: OfflineDeps & { readonly config: Config }) {
  const release = lockLogKeys(deps.config);
  try {
    return await dropLocked(deps);
  } finally {
    release();
  }
}

async function dropLocked({ config, db, clock }: OfflineDeps & { readonly config: Config }) {
  if ((await db.read(knownLogKey)) === undefined) throw new Refused(NO_LOG);
  const signers = presentLogKeys(config);
  const keys = await db.read((session) => readLogKeys(session, signers));
  if (keys.signer === undefined) throw new Refused(KEY_LOST);
  const now = clock();
  const { signing, over: removed } = await db.read((session) => readReplacedKeys(session, signers, now));
  if (removed.length > 0) {
    if (config.logKeys !== undefined) throw new Refused(inSettingsText(removed));
    settleLogKeys(config, keys, { used: (await db.read(readVerifiers)).map(formatVerifierKey), now });
  }
  return { removed, signing, path: logKeyPath(config.dataDir) };
}

function removedText(path: string, vkeys: readonly string[]): string {
  const lines = vkeys.map((vkey) => `  ${vkey}`);
  return [`Took out of ${path}, because its time is over:`, ...lines, "Put the file among your secrets again."].join(
    "\n",
  );
}

/** Says which keys to remove. A private key begins with the same name and id as its verifier key. */
function inSettingsText(vkeys: readonly string[]): string {
  const keys = vkeys.map((vkey) => `PRIVATE+KEY+${vkey.split("+", 2).join("+")}+…`);
  return `LOG_SIGNING_KEY is a setting, so there is no file to change. Take out of it, on every server, what begins with ${keys.join(" and ")}`;
}
