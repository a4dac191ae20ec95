/**
 * IDs of accounts, sessions and tokens are UUIDs. Anything else was not made by this registry, and
 * Postgres refuses NUL.
 */
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Reports whether a value has the form of an ID of an account, a session or a token. */
export function isId(text: unknown): text is string {
  return typeof text === "string" && ID.test(text);
}
