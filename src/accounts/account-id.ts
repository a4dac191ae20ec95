/**
 * Ids of accounts, sessions and tokens are UUIDs; anything else in their place was not made by us,
 * and Postgres takes no NUL.
 */
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Tells whether something has the form of an id of an account, a session or a token. */
export function isId(text: unknown): text is string {
  return typeof text === "string" && ID.test(text);
}
