/** @jsxImportSource preact */
import { type PublicUser, readPublicUser } from "../../owners/read-public-user.ts";
import type { PageSpec } from "../handlers.ts";
import type { OfVisit } from "../layout.tsx";
import { PackageList } from "./package-list.tsx";
import { Pager } from "./pager.tsx";
import { askedSearch } from "./search-address.ts";
import { countText, Day } from "./texts.tsx";

const PAGE_SIZE = 50;

function Owned({ visit, user, page }: OfVisit & { readonly user: PublicUser; readonly page: number }) {
  const { root, visitor } = visit;
  const { username, packages, total, isCapped } = user;
  if (total === 0) {
    return (
      <p class="empty">
        {visitor?.user.username === username ? (
          <>
            You own no package yet. <a href={`${root}help#publish`}>Publish your first one</a>: whoever publishes the
            first version of a name owns it.
          </>
        ) : (
          `${username} owns no package now.`
        )}
      </p>
    );
  }
  const address = `users/${encodeURIComponent(username)}`;
  const pages = Math.ceil(total / PAGE_SIZE);
  return (
    <>
      <PackageList visit={visit} items={packages} />
      {packages.length === 0 && (
        <p class="empty">
          There is no page {page}. <a href={`${root}${address}`}>Go to the first page</a>.
        </p>
      )}
      {isCapped && (
        <p>
          These are {countText(total, "package")} of more.{" "}
          <a href={`${root}search?${new URLSearchParams({ author: username })}`}>Search among all of them</a>.
        </p>
      )}
      <Pager
        visit={visit}
        label="Pages of packages"
        previous={page > 1 && page <= pages ? `${address}?page=${page - 1}` : undefined}
        next={page < pages ? `${address}?page=${page + 1}` : undefined}
        position={`Page ${page} of ${pages}`}
      />
    </>
  );
}

/** The packages of an account. It shows nothing but what the pages of these packages show. */
export const userPage: PageSpec = {
  audience: "reader",
  load: async (deps, visit) => {
    const { page } = askedSearch(visit.query);
    const visitor = visit.visitor?.user;
    const user = await readPublicUser(deps, visit.params.name ?? "", { visitor, page, pageSize: PAGE_SIZE });
    const { username, total, isCapped } = user;
    return {
      title: username,
      description: `Packages of ${username}`,
      address: `users/${encodeURIComponent(username)}`,
      isForSearchEngines: page === 1,
      body: (
        <>
          <h1>{username}</h1>
          <p class="lead">
            {isCapped ? "More than " : ""}
            {countText(total, "package")} · member since <Day at={user.createdAt} />
          </p>
          <h2>Packages</h2>
          <Owned visit={visit} user={user} page={page} />
        </>
      ),
    };
  },
};
