/**
 * Returns the skeleton of a name: the name as a hurried reader sees it. It has no separators, `rn`
 * is read as `m`, `1` and `i` as `l`, `0` as `o`, and the `s` of a plural is dropped. Names with
 * the same skeleton are easily confused.
 *
 * drizzle/<database>/0003_trust.sql has the same rule for packages that are older.
 */
export function skeletonOf(name: string): string {
  return confusableForm(name).replace(/s+$/, "");
}

function confusableForm(name: string): string {
  return name.replace(/[-_.]/g, "").replaceAll("rn", "m").replace(/[1i]/g, "l").replaceAll("0", "o");
}

/**
 * Returns the skeleton of a user name: that of a package name in any case, but with the `s` of a
 * plural, because names of people such as `chris` end in one.
 *
 * The migration that adds `users.username_skeleton` has the same rule.
 */
export function usernameSkeletonOf(username: string): string {
  return confusableForm(username.toLowerCase());
}
