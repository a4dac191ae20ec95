import { RESERVED_NAMES } from "./package-name.ts";
import { usernameSkeletonOf } from "./similar-names.ts";

/** User names that would look like the registry itself or like the people who run it. */
const RESERVED =
  "abuse admin administrator anonymous guest hostmaster moderator official operator owner postmaster root security staff superuser support sysadmin system webmaster";

const RESERVED_SKELETONS: ReadonlySet<string> = new Set(
  [...RESERVED.split(" "), ...RESERVED_NAMES].map(usernameSkeletonOf),
);

/** Reports whether a user name is reserved or is easily mistaken for a reserved one: `Adm1n`. */
export function isReservedUsername(username: string): boolean {
  return RESERVED_SKELETONS.has(usernameSkeletonOf(username));
}
