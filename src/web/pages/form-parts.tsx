/** @jsxImportSource preact */
import type { ComponentChildren } from "preact";
import { failure } from "../../errors.ts";
import { FORM_TOKEN_FIELD } from "../form-guard.ts";
import type { OfVisit } from "../layout.tsx";
import type { Visit } from "../visit.ts";

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
      {visit.formTokens.length > 0 && <input type="hidden" name={FORM_TOKEN_FIELD} value={visit.formTokens[0]} />}
      {children}
    </form>
  );
}

/** Returns what is wrong with a field, or with an item of its list. */
function faultOf({ problem }: Visit, name: string): string | undefined {
  return problem?.errors.find(({ path }) => path === `/${name}` || path.startsWith(`/${name}/`))?.message;
}

function describedBy(name: string, hint: string | undefined, fault: string | undefined) {
  const ids = [hint === undefined ? [] : [`${name}-hint`], fault === undefined ? [] : [`${name}-fault`]].flat();
  return {
    "aria-describedby": ids.length === 0 ? undefined : ids.join(" "),
    "aria-invalid": fault === undefined ? undefined : ("true" as const),
  };
}

interface RemarksProps {
  readonly name: string;
  readonly hint: string | undefined;
  readonly fault: string | undefined;
}

/** What stands below a field: how to fill it, and what was wrong with it. */
function Remarks({ name, hint, fault }: RemarksProps) {
  return (
    <>
      {hint !== undefined && (
        <p class="hint" id={`${name}-hint`}>
          {hint}
        </p>
      )}
      {fault !== undefined && (
        <p class="fault" id={`${name}-fault`}>
          {fault}
        </p>
      )}
    </>
  );
}

interface FieldProps extends OfVisit {
  readonly name: string;
  readonly label: string;
  readonly type?: "text" | "email" | "password" | "number";
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
  const fault = faultOf(visit, name);
  const { required = true, maxLength, autocomplete = "off" } = rest;
  const attributes = { id: name, name, autocomplete, required, maxLength, ...describedBy(name, hint, fault) };
  const shown = visit.sent.get(name) ?? value ?? "";
  return (
    <div class="field">
      <label for={name}>{label}</label>
      {type === "password" && <input {...attributes} type="password" />}
      {type === "email" && <input {...attributes} type="email" value={shown} />}
      {type === "text" && <input {...attributes} type="text" value={shown} />}
      {type === "number" && <input {...attributes} type="text" inputMode="numeric" value={shown} />}
      <Remarks name={name} hint={hint} fault={fault} />
    </div>
  );
}

interface AreaProps extends OfVisit {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly maxLength: number;
  readonly value?: string;
}

/** A labelled text of several lines, which may be empty. */
export function TextArea({ visit, name, label, hint, maxLength, value = "" }: AreaProps) {
  const fault = faultOf(visit, name);
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <textarea id={name} name={name} rows={3} maxLength={maxLength} {...describedBy(name, hint, fault)}>
        {visit.sent.get(name) ?? value}
      </textarea>
      <Remarks name={name} hint={hint} fault={fault} />
    </div>
  );
}

interface SelectProps extends OfVisit {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly value?: string;
  /** Shown until a choice is made, which is then required. Without it, the first choice is made. */
  readonly placeholder?: string;
  /** The values that are sent, and what people read. */
  readonly choices: readonly (readonly [value: string, text: string])[];
}

/** A labelled choice of one of several words. */
export function Select({ visit, name, label, hint, value, placeholder, choices }: SelectProps) {
  const fault = faultOf(visit, name);
  const chosen = visit.sent.get(name) ?? value;
  const required = placeholder !== undefined;
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <select id={name} name={name} required={required} {...describedBy(name, hint, fault)}>
        {required && <option value="">{placeholder}</option>}
        {choices.map(([one, text]) => (
          <option key={one} value={one} selected={one === chosen}>
            {text}
          </option>
        ))}
      </select>
      <Remarks name={name} hint={hint} fault={fault} />
    </div>
  );
}

interface CheckProps {
  readonly name: string;
  readonly value?: string;
  readonly checked?: boolean;
  readonly required?: boolean;
  readonly children: ComponentChildren;
}

/** A box to tick, with its text. */
export function Check({ name, value = "yes", checked = false, required = false, children }: CheckProps) {
  return (
    <label class="check">
      <input type="checkbox" name={name} value={value} checked={checked} required={required} />
      <span>{children}</span>
    </label>
  );
}

/** The name of the box that confirms a change which cannot simply be undone. */
const CONFIRM = "confirm";

/** The box without which `requireConfirmed` refuses a form. Its text names what will happen. */
export function Confirm({ children }: { readonly children: ComponentChildren }) {
  return (
    <Check name={CONFIRM} required>
      {children}
    </Check>
  );
}

/** Throws `validation_failed` unless the box of `Confirm` is ticked. */
export function requireConfirmed(form: URLSearchParams): void {
  if (form.get(CONFIRM) === "yes") return;
  const message = "must be ticked: it says what will happen. Nothing was changed";
  throw failure({ code: "validation_failed", faults: [{ path: "/the box", message }] });
}

interface ChangeProps extends OfVisit {
  /** What the form is opened with, such as `Revoke…`. */
  readonly summary: string;
  readonly action: string;
  /** The fields that say which thing the form is about. */
  readonly hidden?: Readonly<Record<string, string>>;
  readonly button: string;
  readonly isOpen?: boolean;
  readonly children: ComponentChildren;
}

/** A form that is folded away until somebody wants to change something, such as in a table. */
export function FoldedForm({ visit, summary, action, hidden = {}, button, isOpen = false, children }: ChangeProps) {
  return (
    <details class="change" open={isOpen}>
      <summary>{summary}</summary>
      <PostForm visit={visit} action={action}>
        {Object.entries(hidden).map(([name, value]) => (
          <input key={name} type="hidden" name={name} value={value} />
        ))}
        {children}
        <button type="submit" class="danger">
          {button}
        </button>
      </PostForm>
    </details>
  );
}
