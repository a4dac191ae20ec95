/** @jsxImportSource preact */
import { renderToString } from "preact-render-to-string";
import type { RegistryError } from "../errors.ts";
import { formProblemOf, withoutFields } from "./form-problem.ts";
import type { Page } from "./layout.tsx";
import { faultId, ProblemBanner } from "./pages/form-parts.tsx";
import { RESULT_ID } from "./result-id.ts";
import type { Visit, WebDeps } from "./visit.ts";

interface RefusedForm {
  /** Makes the page that has the form. */
  readonly load: (deps: WebDeps, visit: Visit) => Page | Promise<Page>;
  readonly sent: URLSearchParams;
  readonly error: RegistryError;
}

/**
 * Makes the page of a refused form: the page with the form again, which says the reason at its
 * fields, or above them. A form may be gone since its page was opened, or lack the field that is
 * wrong. Then the page begins with the reason.
 */
export async function refusedPage(
  deps: WebDeps,
  visit: Visit,
  { load: loadPage, sent, error }: RefusedForm,
): Promise<Page> {
  const load = async (problem = formProblemOf(error)) => {
    const loaded = await loadPage(deps, { ...visit, sent, problem });
    return { loaded, problem, html: renderToString(<div>{loaded.body}</div>) };
  };
  const first = await load();
  const missing = [...first.problem.faults.keys()].filter((field) => !first.html.includes(`id="${faultId(field)}"`));
  const { loaded, problem, html } = missing.length === 0 ? first : await load(withoutFields(first.problem, missing));
  const isSaid = html.includes(`id="${RESULT_ID}"`) || (loaded.status ?? 200) !== 200;
  const body = (
    <>
      {!isSaid && <ProblemBanner problem={problem} />}
      {loaded.body}
    </>
  );
  return { ...loaded, title: `Not accepted · ${loaded.title}`, status: problem.status, body };
}
