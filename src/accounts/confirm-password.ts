import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import type { SessionActor } from "./actor.ts";
import { tryPassword } from "./login-throttle.ts";
import { verifyPassword } from "./password.ts";

/**
 * Checks the password of whoever has a session, before a change that a stolen session must not
 * make. Throws `invalid_credentials`, or `too_many_attempts` like a login.
 */
export async function confirmPassword(
  deps: Pick<Deps, "db" | "clock">,
  { user: { username, passwordHash }, origin: { address } }: SessionActor,
  password: string,
): Promise<void> {
  const matches = await tryPassword(deps, { name: username, address }, () => verifyPassword(password, passwordHash));
  if (!matches) throw failure({ code: "invalid_credentials" });
}
