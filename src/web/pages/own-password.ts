import { Failure } from "../../errors.ts";
import { fieldFault } from "../form-problem.ts";

/**
 * Makes a handler that says at the field what is wrong, where a form asks whoever is signed in for
 * their password: the message of a sign-in would speak of a user name.
 */
export function ownPasswordFault(field: string) {
  return (cause: unknown): never => {
    if (!(cause instanceof Failure) || cause.error.code !== "invalid_credentials") throw cause;
    throw fieldFault(field, "is not your password");
  };
}
