import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { KeyedMutex } from "../runtime/semaphore.ts";
import { countAttempt, networkDigest, secondsToWait } from "./attempt-counts.ts";

const HOUR_MS = 60 * 60 * 1_000;
const WAITING_MAX = 64;

/**
 * Serialises registrations from one network, because many at once would leave no capacity to hash
 * passwords of logins. Logins have a mutex of their own, so registrations do not delay them here
 * either.
 */
const registrationMutex = new KeyedMutex(WAITING_MAX, "registration");

/**
 * Runs a registration from an address and counts it even if it fails, because a refused
 * registration reveals which names are taken. Throws `too_many_registrations` after too many in an
 * hour, and `busy` if too many wait.
 */
export function limitRegistrations<T>(
  deps: Pick<Deps, "db" | "config" | "clock">,
  address: string | null,
  work: () => Promise<T>,
): Promise<T> {
  if (address === null) return work();
  const { registrationsPerHour } = deps.config;
  const rule = {
    from: "since",
    forgottenAfterMs: HOUR_MS,
    delayMs: (attempts: number) => (attempts < registrationsPerHour ? 0 : HOUR_MS),
  } as const;
  const key = `register:${networkDigest(address)}`;
  const counted = [{ key, rule }];
  return registrationMutex.run(key, async () => {
    const retryAfterSeconds = await secondsToWait(deps, counted);
    if (retryAfterSeconds > 0) throw failure({ code: "too_many_registrations", retryAfterSeconds });
    await countAttempt(deps, counted);
    return work();
  });
}
