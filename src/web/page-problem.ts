import type { RegistryError } from "../errors.ts";
import { problemOf, type ShownProblem } from "../http/problem.ts";

/** How long to wait, as people say it. */
function waitText(seconds: number): string {
  const [count, unit] = seconds < 90 ? [seconds, "second"] : [Math.ceil(seconds / 60), "minute"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/**
 * The advice of problems names addresses of the API. On a page it names what a reader can click.
 * Undefined where the words for programs are right for people, too.
 */
function adviceOf(error: RegistryError): string | undefined {
  switch (error.code) {
    case "route_not_found":
      return "There is no page at this address. Check it, or search for what you want.";
    case "package_not_found":
      return `This registry has no package ${error.name}. Check the name, or search for it.`;
    case "version_not_found":
      return `${error.name} has no version ${error.version}. ${error.hint ?? "Open the package to see its versions."}`;
    case "contents_not_found":
      return `${error.name} ${error.version} has no ${error.file}. Open its files to see what it has.`;
    case "file_not_found":
      return `${error.name} ${error.version} has no file with this path. Open its files to see what it has.`;
    case "file_too_large":
      return `The file has ${error.sizeBytes} bytes, and is too large to be shown. Download the archive and unpack it.`;
    case "not_an_owner":
      return `Only an owner of ${error.name} can do this. The page of the package has its owners; ask one of them.`;
    case "insufficient_scope":
      return "Your session may not do this. Sign out and in again.";
    case "token_not_found":
      return "You have no such token. Reload the page to see those that you have.";
    case "webhook_not_found":
      return "You have no such webhook. Your account has the list of those that you have.";
    case "key_not_found":
      return "There is no such key. Reload the page to see which exist.";
    case "nonce_invalid":
      return "This took too long, or was used already. Go back, reload the page and try again.";
    case "reset_not_found":
      return `No reset of the keys of ${error.name} is pending. Reload the page to see its keys.`;
    case "log_rollback":
      return (
        "The database is behind what the transparency log has published. Reading works, but nothing can be published " +
        "or changed until the operator of the registry has decided."
      );
    case "too_many_attempts":
      return `Try again in ${waitText(error.retryAfterSeconds)}.`;
    case "too_many_registrations":
      return `Your network made too many accounts within an hour. Try again in ${waitText(error.retryAfterSeconds)}.`;
    case "method_not_allowed":
      return "This page cannot be used like that. Go back, reload the page and try again.";
    default:
      return undefined;
  }
}

/** Returns the problem of a failure in the words of pages. */
export function problemForPeople(error: RegistryError): ShownProblem {
  const problem = problemOf(error);
  const detail = adviceOf(error) ?? problem.detail.replace("the requestId", "the number of the request");
  return { ...problem, detail };
}
