/** @jsxImportSource preact */
import type { OfVisit } from "../layout.tsx";
import { type AskedSearch, QUERY_MAX_CHARS } from "./search-address.ts";

/** The search box of a page that is about finding. The layout then leaves out its own. */
export function SearchForm({
  visit: { root },
  asked,
  text = asked?.text ?? "",
}: OfVisit & { readonly asked?: AskedSearch; readonly text?: string }) {
  return (
    <search>
      <form class="search large" action={`${root}search`}>
        <label class="hidden" for="search">
          Search packages
        </label>
        <input
          id="search"
          name="q"
          type="search"
          placeholder="Name, tag, owner or a word of the description"
          value={text}
          maxlength={QUERY_MAX_CHARS}
        />
        {asked?.tags.map((tag) => (
          <input key={tag} type="hidden" name="tag" value={tag} />
        ))}
        {asked?.author !== undefined && <input type="hidden" name="author" value={asked.author} />}
        {asked !== undefined && asked.sort !== "relevance" && <input type="hidden" name="sort" value={asked.sort} />}
        <button type="submit" class="primary">
          Search
        </button>
      </form>
    </search>
  );
}
