import type { Deps } from "../deps.ts";
import { tokenDigest } from "./credentials.ts";

/** Who has a session, as a token says that is signed by this registry; when it ends, in milliseconds. */
export interface SessionClaims {
  readonly sessionId: string;
  readonly userId: string;
  readonly expiresAtMs: number;
}

const KEPT_MAX = 1_000;

/** By the key that signed them, because a process may have several registries, as in tests. */
const verified = new WeakMap<Deps["jwtKey"], Map<string, SessionClaims>>();

/**
 * The claims of a token, verified by `verify` unless that was done lately: the same text under the same key is as good the
 * next time, until it expires, and verifying takes a tenth of a publish. Whether the session still is, its row tells.
 * Kept are digests of tokens, which nobody can log in with.
 */
export async function sessionClaims(
  key: Deps["jwtKey"],
  text: string,
  now: Date,
  verify: () => Promise<SessionClaims | undefined>,
): Promise<SessionClaims | undefined> {
  const kept = verified.get(key) ?? new Map<string, SessionClaims>();
  verified.set(key, kept);
  const digest = tokenDigest(text);
  const known = kept.get(digest);
  if (known !== undefined && known.expiresAtMs > now.getTime()) return known;
  const claims = await verify();
  kept.delete(digest);
  if (claims === undefined) return undefined;
  const [oldest] = kept.keys();
  if (kept.size >= KEPT_MAX && oldest !== undefined) kept.delete(oldest);
  kept.set(digest, claims);
  return claims;
}
