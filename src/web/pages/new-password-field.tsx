/** @jsxImportSource preact */
import { PASSWORD_MAX_CHARS, PASSWORD_MIN_CHARS } from "../../accounts/password.ts";
import { Field } from "./form-parts.tsx";

/** Asks somebody who has no password yet, or none any more, for a new one. */
export function NewPasswordField({ label }: { readonly label: string }) {
  return (
    <Field
      name="password"
      label={label}
      type="password"
      autocomplete="new-password"
      maxLength={PASSWORD_MAX_CHARS}
      hint={`At least ${PASSWORD_MIN_CHARS} characters. A sentence is easy to remember.`}
    />
  );
}
