import { type Failure, failure, type RegistryError } from "../errors.ts";
import { problemForPeople } from "./page-problem.ts";

/** What was wrong with a form, for the page that shows the form again. */
export interface FormProblem {
  readonly status: number;
  readonly title: string;
  /** What is wrong with the form as a whole. Undefined if its fields say everything. */
  readonly detail: string | undefined;
  /** What is wrong with single fields: a sentence for each name. */
  readonly faults: ReadonlyMap<string, string>;
}

/** The fields at which pages show failures that say something of one field. */
const FIELDS: Partial<Record<RegistryError["code"], string>> = {
  username_taken: "username",
  username_too_similar: "username",
  username_reserved: "username",
  email_taken: "email",
  user_not_found: "invited",
  package_not_found: "package",
  version_not_found: "version",
};

/** Says of a form that only its fields say what is wrong. */
const AT_FIELDS = { title: "Nothing was changed", detail: undefined };

/** Makes a sentence of a rule of the API, such as `must be chosen`. */
function sentenceOf(rule: string): string {
  const sentence = /^[a-z]/.test(rule) ? `It ${rule}` : rule;
  return sentence.endsWith(".") ? sentence : `${sentence}.`;
}

/** Makes the failure of a form whose field is wrong. `message` is a sentence, or a rule of the API. */
export function fieldFault(field: string, message: string): Failure {
  return failure({ code: "validation_failed", faults: [{ path: `/${field}`, message }] });
}

/** Returns the field of a JSON pointer, which may name an item of its list. */
function fieldOf(path: string): string {
  return path.split("/")[1] ?? "";
}

/** Returns the problem of a refused form, with what belongs to a field at that field. */
export function formProblemOf(error: RegistryError): FormProblem {
  const { status, title, detail } = problemForPeople(error);
  const field = FIELDS[error.code];
  if (field !== undefined) return { status, ...AT_FIELDS, faults: new Map([[field, detail]]) };
  if (error.code !== "validation_failed") return { status, title, detail, faults: new Map() };
  // Of several faults of a field, the first one is shown.
  const faults = error.faults.map(({ path, message }) => [fieldOf(path), sentenceOf(message)] as const);
  return { status, ...AT_FIELDS, faults: new Map(faults.toReversed()) };
}

/** Moves the faults of fields that a page does not have to the problem of the whole form. */
export function withoutFields(problem: FormProblem, missing: readonly string[]): FormProblem {
  if (missing.length === 0) return problem;
  const said = missing.map((field) => problem.faults.get(field) ?? "");
  const faults = new Map([...problem.faults].filter(([field]) => !missing.includes(field)));
  return { ...problem, detail: said.join(" "), faults };
}
