/** @jsxImportSource preact */
import type { ComponentChildren } from "preact";
import { FORM_TOKEN_FIELD } from "../form-guard.ts";
import type { OfVisit } from "../layout.tsx";

/** Says what was wrong with a form. It is the first thing that a screen reader says of the page. */
export function ProblemBanner({ visit: { problem } }: OfVisit) {
  if (problem === undefined) return null;
  return (
    <div class="banner bad" role="alert">
      <strong>{problem.title}.</strong> {problem.detail}
      {problem.errors.length > 0 && (
        <ul>
          {problem.errors.map(({ path, message }) => (
            <li key={path}>
              {path === "" ? "" : `${path.slice(1)} `}
              {message}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

interface FormProps extends OfVisit {
  /** The address below the root of the registry. */
  readonly action: string;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** A form that changes something, with the token that proves that a page of ours sent it. */
export function PostForm({ visit, action, class: kind = "", children }: FormProps) {
  return (
    <form class={kind} method="post" action={`${visit.root}${action}`}>
      {visit.formToken !== undefined && <input type="hidden" name={FORM_TOKEN_FIELD} value={visit.formToken} />}
      {children}
    </form>
  );
}

interface FieldProps extends OfVisit {
  readonly name: string;
  readonly label: string;
  readonly type?: "text" | "email" | "password";
  readonly hint?: string;
  readonly autocomplete?: string;
  readonly required?: boolean;
  readonly maxLength?: number;
  readonly value?: string;
}

/**
 * A labelled text field. After a refused form it has what was typed, but never a password, and says
 * what is wrong with it.
 */
export function Field({ visit, name, label, type = "text", hint, value, ...rest }: FieldProps) {
  const fault = visit.problem?.errors.find(({ path }) => path === `/${name}`);
  const described = [hint === undefined ? "" : `${name}-hint`, fault === undefined ? "" : `${name}-fault`];
  const { required = true, maxLength, autocomplete = "off" } = rest;
  const attributes = {
    id: name,
    name,
    autocomplete,
    required,
    maxLength,
    "aria-describedby": described.filter((id) => id !== "").join(" ") || undefined,
    "aria-invalid": fault === undefined ? undefined : ("true" as const),
  };
  const shown = visit.sent.get(name) ?? value ?? "";
  return (
    <div class="field">
      <label for={name}>{label}</label>
      {type === "password" && <input {...attributes} type="password" />}
      {type === "email" && <input {...attributes} type="email" value={shown} />}
      {type === "text" && <input {...attributes} type="text" value={shown} />}
      {hint !== undefined && (
        <p class="hint" id={`${name}-hint`}>
          {hint}
        </p>
      )}
      {fault !== undefined && (
        <p class="fault" id={`${name}-fault`}>
          {fault.message}
        </p>
      )}
    </div>
  );
}
