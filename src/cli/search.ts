import { getDocument } from "../client/document-shape.ts";
import { PACKAGE_LIST, type PackageListDocument, type SummaryDocument } from "../client/registry-documents.ts";
import { apiClient, type ClientContext, type ClientOptions, clientContext, rowsText } from "./client-context.ts";
import { UsageError } from "./usage.ts";

const LIMIT_MAX = 100;
const DESCRIPTION_MAX_CHARS = 60;

/** Options of `search`. */
export interface SearchOptions extends Partial<ClientOptions> {
  readonly tag: readonly string[];
  readonly author: string | undefined;
  readonly sort: string | undefined;
  readonly limit: string;
  readonly page: string;
}

/** Prints the packages that a registry finds. */
export async function search(given: SearchOptions, text: string | undefined): Promise<number> {
  const context = clientContext(given);
  const query = new URLSearchParams({
    pageSize: String(numberOf("--limit", given.limit, LIMIT_MAX)),
    page: String(numberOf("--page", given.page, 1_000_000)),
  });
  if (text !== undefined) query.set("search", text);
  if (given.tag.length > 0) query.set("tags", given.tag.join(","));
  if (given.author !== undefined) query.set("author", given.author);
  if (given.sort !== undefined) query.set("sort", given.sort);
  const client = await apiClient(context);
  const list = await getDocument<PackageListDocument>(client, `/api/packages?${query}`, PACKAGE_LIST);
  context.answer(list, rowsText(context, ["NAME", "LATEST", "DOWNLOADS", "DESCRIPTION"], list.items.map(rowOf)));
  noteRest(context, list);
  return 0;
}

function rowOf({ name, latest, downloads, description, status }: SummaryDocument): string[] {
  const shown = status === "active" ? description : `(${status}) ${description}`;
  return [name, latest ?? "-", String(downloads), shortened(shown)];
}

function shortened(text: string): string {
  const characters = [...text];
  return characters.length <= DESCRIPTION_MAX_CHARS
    ? text
    : `${characters.slice(0, DESCRIPTION_MAX_CHARS - 1).join("")}…`;
}

function noteRest({ prompt }: ClientContext, { items, total, page, totalPages, totalCapped }: PackageListDocument) {
  if (total === 0) prompt.note("No package matches. Fewer or other words find more.");
  else if (items.length === 0) prompt.note(`There is no page ${page}; the last is ${totalPages}.`);
  else if (page < totalPages) {
    const count = totalCapped === true ? `at least ${total}` : String(total);
    prompt.note(`${items.length} of ${count} packages. More: --page ${page + 1}`);
  }
}

function numberOf(option: string, text: string, max: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= max) return number;
  throw new UsageError(`${option} must be a whole number, 1 to ${max}.`);
}
