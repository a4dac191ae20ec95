/** @jsxImportSource preact */
import { type ComponentChildren, createContext } from "preact";
import { useContext } from "preact/hooks";
import { FORM_TOKEN_FIELD } from "../form-guard.ts";
import type { FormProblem } from "../form-problem.ts";
import { fieldFault } from "../form-problem.ts";
import type { OfVisit } from "../layout.tsx";
import { RESULT_ID } from "../result-id.ts";
import type { Visit } from "../visit.ts";

/** Says what was wrong with a form. It is the first thing that a screen reader says of the page. */
export function ProblemBanner({ problem: { title, detail } }: { readonly problem: FormProblem }) {
  return (
    <div id={RESULT_ID} class="banner bad" role="alert" tabindex={-1}>
      <strong>{title}.</strong> {detail ?? "Correct what is marked, and send it again."}
    </div>
  );
}

/** What came of a form that was accepted, where the page shows it at once. */
export function Result({ children }: { readonly children: ComponentChildren }) {
  return (
    <div id={RESULT_ID} class="banner good" role="status" tabindex={-1}>
      {children}
    </div>
  );
}

/** What the fields of a form know of it. */
interface FormState {
  /** What was sent and refused. Undefined before that. */
  readonly sent: URLSearchParams | undefined;
  readonly faults: FormProblem["faults"];
}

const NEW_FORM: FormState = { sent: undefined, faults: new Map() };
const FormContext = createContext(NEW_FORM);

/** The fields that say which thing a form is about. They tell it from others with its address. */
type Subject = Readonly<Record<string, string>>;

/** Returns the problem of this form, if it is the one that was refused. */
function problemOfForm({ path, problem, sent }: Visit, action: string, subject: Subject): FormProblem | undefined {
  const isThis =
    path === `/${action}` && Object.entries(subject).every(([name, value]) => (sent.get(name) ?? "") === value);
  return isThis ? problem : undefined;
}

interface FormProps extends OfVisit {
  /** The address below the root of the registry. */
  readonly action: string;
  readonly subject?: Subject;
  readonly class?: string;
  /** True if the page has nothing else, so that nobody needs to be led to the form again. */
  readonly isAlone?: boolean;
  readonly children: ComponentChildren;
}

/**
 * A form that changes something, with the token that proves that a page of ours sent it. When it
 * was refused, it says why.
 */
export function PostForm({ visit, action, subject = {}, class: kind = "", isAlone = false, children }: FormProps) {
  const problem = problemOfForm(visit, action, subject);
  const state = problem === undefined ? NEW_FORM : { sent: visit.sent, faults: problem.faults };
  return (
    <form class={kind} method="post" action={`${visit.root}${action}${isAlone ? "" : `#${RESULT_ID}`}`}>
      {visit.formTokens.length > 0 && <input type="hidden" name={FORM_TOKEN_FIELD} value={visit.formTokens[0]} />}
      {Object.entries(subject).map(([name, value]) => (
        <input key={name} type="hidden" name={name} value={value} />
      ))}
      {problem !== undefined && <ProblemBanner problem={problem} />}
      <FormContext.Provider value={state}>{children}</FormContext.Provider>
    </form>
  );
}

/** The id of what is said to be wrong with a field. */
export function faultId(name: string): string {
  return `${name}-fault`;
}

/** Returns what is wrong with a field of the form around it. */
export function useFault(name: string): string | undefined {
  return useContext(FormContext).faults.get(name);
}

/** Returns what was typed into a field of the form around it, before the form was refused. */
function useSent(name: string): string | undefined {
  return useContext(FormContext).sent?.get(name) ?? undefined;
}

function describedBy(name: string, hint: string | undefined, fault: string | undefined) {
  const ids = [hint === undefined ? [] : [`${name}-hint`], fault === undefined ? [] : [faultId(name)]].flat();
  return {
    "aria-describedby": ids.length === 0 ? undefined : ids.join(" "),
    "aria-invalid": fault === undefined ? undefined : ("true" as const),
  };
}

/** Says what is wrong with a field, if anything is. */
export function FieldFault({ name }: { readonly name: string }) {
  const fault = useFault(name);
  if (fault === undefined) return null;
  return (
    <p class="fault" id={faultId(name)}>
      {fault}
    </p>
  );
}

/** What stands below a field: how to fill it, and what was wrong with it. */
function Remarks({ name, hint }: { readonly name: string; readonly hint: string | undefined }) {
  return (
    <>
      {hint !== undefined && (
        <p class="hint" id={`${name}-hint`}>
          {hint}
        </p>
      )}
      <FieldFault name={name} />
    </>
  );
}

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly type?: "text" | "email" | "password" | "number";
  readonly hint?: string;
  readonly autocomplete?: string;
  readonly required?: boolean;
  readonly maxLength?: number;
  readonly value?: string;
  /** True if the field only shows its value, such as a user name for password managers. */
  readonly isFixed?: boolean;
}

/**
 * A labelled text field. After a refused form it has what was typed, but never a password, and says
 * what is wrong with it.
 */
export function Field({ name, label, type = "text", hint, value, ...rest }: FieldProps) {
  const fault = useFault(name);
  const { required = true, maxLength, autocomplete = "off", isFixed = false } = rest;
  const attributes = {
    id: name,
    name,
    autocomplete,
    required,
    readOnly: isFixed,
    maxLength,
    ...describedBy(name, hint, fault),
  };
  const sent = useSent(name);
  const shown = (isFixed ? value : (sent ?? value)) ?? "";
  return (
    <div class="field">
      <label for={name}>{label}</label>
      {type === "password" && <input {...attributes} type="password" />}
      {type === "email" && <input {...attributes} type="email" value={shown} />}
      {type === "text" && <input {...attributes} type="text" value={shown} />}
      {type === "number" && <input {...attributes} type="text" inputMode="numeric" value={shown} />}
      <Remarks name={name} hint={hint} />
    </div>
  );
}

interface AreaProps {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly maxLength: number;
  readonly value?: string;
}

/** A labelled text of several lines, which may be empty. */
export function TextArea({ name, label, hint, maxLength, value = "" }: AreaProps) {
  const fault = useFault(name);
  const shown = useSent(name) ?? value;
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <textarea id={name} name={name} rows={3} maxLength={maxLength} {...describedBy(name, hint, fault)}>
        {shown}
      </textarea>
      <Remarks name={name} hint={hint} />
    </div>
  );
}

interface SelectProps {
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
export function Select({ name, label, hint, value, placeholder, choices }: SelectProps) {
  const fault = useFault(name);
  const chosen = useSent(name) ?? value;
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
      <Remarks name={name} hint={hint} />
    </div>
  );
}

interface CheckProps {
  readonly name: string;
  readonly value?: string;
  /** Whether it is ticked before anybody changes it. */
  readonly checked?: boolean;
  readonly required?: boolean;
  readonly children: ComponentChildren;
}

/** A box to tick, with its text. */
export function Check({ name, value = "yes", checked = false, required = false, children }: CheckProps) {
  const { sent } = useContext(FormContext);
  const isChecked = sent === undefined ? checked : sent.getAll(name).includes(value);
  return (
    <label class="check">
      <input type="checkbox" name={name} value={value} checked={isChecked} required={required} />
      <span>{children}</span>
    </label>
  );
}

/** The name of the box that confirms a change which cannot simply be undone. */
const CONFIRM = "confirm";

/** The box without which `requireConfirmed` refuses a form. Its text names what will happen. */
export function Confirm({ children }: { readonly children: ComponentChildren }) {
  return (
    <div class="confirm">
      <Check name={CONFIRM} required>
        {children}
      </Check>
      <FieldFault name={CONFIRM} />
    </div>
  );
}

/** Throws `validation_failed` unless the box of `Confirm` is ticked. */
export function requireConfirmed(form: URLSearchParams): void {
  if (form.get(CONFIRM) === "yes") return;
  throw fieldFault(CONFIRM, "Tick this box, which says what will happen.");
}

interface ChangeProps extends Omit<FormProps, "class" | "isAlone"> {
  /** What the form is opened with, such as `Revoke…`. */
  readonly summary: string;
  readonly button: string;
}

/** A form that is folded away until somebody wants to change something, such as in a table. */
export function FoldedForm({ summary, button, children, ...form }: ChangeProps) {
  const { visit, action, subject = {} } = form;
  return (
    <details class="change" open={problemOfForm(visit, action, subject) !== undefined}>
      <summary>{summary}</summary>
      <PostForm {...form}>
        {children}
        <button type="submit" class="danger">
          {button}
        </button>
      </PostForm>
    </details>
  );
}
