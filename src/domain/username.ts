/** What a user name looks like, as the source of a regular expression without flags. */
export const USERNAME_PATTERN = "^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$";

const USERNAME = new RegExp(USERNAME_PATTERN);

/** Reports whether an account may have this name. */
export function isUsername(text: string): boolean {
  return USERNAME.test(text);
}
