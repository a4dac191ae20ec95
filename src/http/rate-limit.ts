import type { RateLimit } from "../errors.ts";

/**
 * Makes the headers `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10 §3
 * and §4). `q` is the quota, `w` its window in seconds, `r` what remains, and `t` the seconds until
 * more does.
 */
export function rateLimitHeaders(limits: readonly RateLimit[]): Record<string, string> {
  if (limits.length === 0) return {};
  const policies = limits.map(({ policy, limit, windowSeconds }) => `"${policy}";q=${limit};w=${windowSeconds}`);
  const left = limits.map(({ policy, remaining, resetSeconds }) => `"${policy}";r=${remaining};t=${resetSeconds}`);
  return { "ratelimit-policy": policies.join(", "), ratelimit: left.join(", ") };
}
