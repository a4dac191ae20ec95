import type { SessionActor } from "../accounts/actor.ts";
import { failure } from "../errors.ts";
import type { Visit } from "./visit.ts";

/**
 * Returns the visitor of a page whose audience has a session. The handler has sent guests to the
 * sign-in; throws `unauthenticated` where a page is not declared so.
 */
export function visitorOf({ visitor }: Pick<Visit, "visitor">): SessionActor {
  if (visitor === undefined) throw failure({ code: "unauthenticated", reason: "Sign in to see this page." });
  return visitor;
}
