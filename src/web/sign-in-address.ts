import { NOTICE_PARAMETERS } from "./notices.tsx";
import type { Visit } from "./visit.ts";

/** Pages to which nobody wants to come back after the sign-in. */
const WITHOUT_RETURN = /^(?:login|register|reset|logout)?(?:\?|$)/;

/** Returns an address below the root, without the code of a notice. */
export function addressOf(path: string, query: URLSearchParams): string {
  const kept = new URLSearchParams([...query].filter(([name]) => !NOTICE_PARAMETERS.includes(name)));
  return `${path.slice(1)}${kept.size === 0 ? "" : `?${kept}`}`;
}

/** Returns the address of the sign-in that leads on to `next`, an address below the root. */
export function signInTo(next: string): string {
  return next === "" ? "login" : `login?${new URLSearchParams({ next })}`;
}

/** Returns the address of the sign-in that leads back to a page that somebody reads. */
export function signInFrom({ path, query }: Pick<Visit, "path" | "query">): string {
  const address = addressOf(path, query);
  return signInTo(WITHOUT_RETURN.test(address) ? "" : address);
}
