import type { SessionActor } from "../accounts/actor.ts";
import type { Deps } from "../deps.ts";
import type { PackageServices } from "../packages/services.ts";
import type { FormProblem } from "./form-problem.ts";

/** What the pages need from outside. */
export type WebDeps = Deps & PackageServices;

/** One request for a page, with what the layout and every page need to know of it. */
export interface Visit {
  readonly request: Request;
  /** The path below `PUBLIC_URL`, as the browser sent it. */
  readonly path: string;
  /**
   * The relative address of the root of the registry, such as `../../`. Every link begins with it,
   * so pages work under any prefix, and behind a proxy that strips it.
   */
  readonly root: string;
  /** The absolute address of the registry, without a trailing slash, for commands to copy. */
  readonly base: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Who signed in. Undefined for a guest. */
  readonly visitor: SessionActor | undefined;
  /** True if the browser has a session, but nobody looked whose it is. */
  readonly isUnknownVisitor?: boolean;
  /**
   * The first one goes into every form of a visitor, and all of them are accepted. They are bound to
   * the session. Empty for a guest.
   */
  readonly formTokens: readonly string[];
  /** The fields of a form that was refused; empty otherwise. Never show a password again. */
  readonly sent: URLSearchParams;
  readonly problem: FormProblem | undefined;
}

/** Returns the relative address of the root from a path: `./` from `/`, `../` from `/packages/x`. */
export function rootFrom(path: string): string {
  const depth = path.split("/").length - 2;
  return depth <= 0 ? "./" : "../".repeat(depth);
}
