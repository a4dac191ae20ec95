import { makeLogKey } from "../../src/config/log-key.ts";
import { rotateKey, startNewLog } from "../../src/log/change-key.ts";
import { vkeyOf } from "../../src/log/log-keys.ts";
import { openLog } from "../../src/log/open-log.ts";
import { parseSignerKey, type SignerKey } from "../../src/tlog/note.ts";
import { TEST_LOG_KEY, TEST_LOG_ORIGIN, type TestRegistry } from "./registry.ts";

/* Changes of the key of a log that runs in the test process. */

const DAY_MS = 24 * 60 * 60_000;

export { vkeyOf };

/** A signer key in the form of signed notes. */
export function logKeyOf(text: string): SignerKey {
  const key = parseSignerKey(text);
  if (key === undefined) throw new Error("a test's key is none");
  return key;
}

/** The key that logs of tests begin with. */
export const FIRST_LOG_KEY = logKeyOf(TEST_LOG_KEY);

/** A key of its own for a log. */
export function newLogKey(origin = TEST_LOG_ORIGIN): SignerKey {
  return logKeyOf(makeLogKey(origin));
}

/** Opens the log again, as a restart does. */
export async function reopenLog({ deps }: TestRegistry, keys: readonly SignerKey[]): Promise<void> {
  const { db, blobs, clock } = deps;
  Object.assign(deps, { log: await openLog({ db, blobs, clock }, keys) });
}

/** Replaces the key of the log, and restarts with both keys. Both sign for `days`. */
export async function rotateLogKey(registry: TestRegistry, from: SignerKey, to: SignerKey, days = 90): Promise<void> {
  const at = new Date();
  await rotateKey(registry.deps, { from, to, at, until: new Date(at.getTime() + days * DAY_MS) });
  await reopenLog(registry, [from, to]);
}

/** Begins a new log, and restarts with its key. */
export async function restartLog(registry: TestRegistry, to: SignerKey): Promise<void> {
  await startNewLog(registry.deps, { to, at: new Date() });
  await reopenLog(registry, [to]);
}
