/** @jsxImportSource preact */
import { ACCOUNT_KINDS, type AccountKind, type AccountList, listAccounts } from "../../accounts/list-accounts.ts";
import type { PageSpec } from "../handlers.ts";
import type { OfVisit } from "../layout.tsx";
import { framedPage } from "./account-frame.tsx";
import { TableRegion } from "./table-region.tsx";
import { Day, InlineCommand } from "./texts.tsx";

const PAGE_SIZE = 50;

interface Asked {
  readonly sought: string;
  readonly kind: AccountKind;
}

const KIND_TEXTS: Readonly<Record<AccountKind, string>> = {
  all: "All accounts",
  admins: "Administrators",
  disabled: "Disabled accounts",
};

/** The address of the page of an account, below the root. */
export function accountPath(username: string): string {
  return `admin/accounts/${encodeURIComponent(username)}`;
}

function SearchForm({ visit, asked }: OfVisit & { readonly asked: Asked }) {
  return (
    <search>
      <form class="filters" action={`${visit.root}admin/accounts`}>
        <label class="hidden" for="sought">
          A part of the user name or e-mail address
        </label>
        <input
          id="sought"
          name="sought"
          value={asked.sought}
          placeholder="User name or e-mail address"
          maxLength={254}
        />
        <label class="hidden" for="kind">
          Which accounts
        </label>
        <select id="kind" name="kind">
          {ACCOUNT_KINDS.map((kind) => (
            <option key={kind} value={kind} selected={kind === asked.kind}>
              {KIND_TEXTS[kind]}
            </option>
          ))}
        </select>
        <button type="submit">Find</button>
      </form>
    </search>
  );
}

function Accounts({ visit: { root }, list }: OfVisit & { readonly list: AccountList }) {
  return (
    <TableRegion label="Accounts">
      <thead>
        <tr>
          <th scope="col">Account</th>
          <th scope="col">E-mail address</th>
          <th scope="col">Made</th>
          <th scope="col">State</th>
        </tr>
      </thead>
      <tbody>
        {list.items.map(({ id, username, email, role, createdAt, state }) => (
          <tr key={id}>
            <td>
              <a href={`${root}${accountPath(username)}`}>{username}</a>
            </td>
            <td>{email}</td>
            <td>
              <Day at={createdAt} />
            </td>
            <td>
              {role === "admin" && <span class="badge plain">administrator</span>}{" "}
              <span class={state === "enabled" ? "badge" : "badge bad"}>{state}</span>
            </td>
          </tr>
        ))}
      </tbody>
    </TableRegion>
  );
}

/** Finds accounts, for administrators. */
export const accountsPage: PageSpec = {
  audience: "admin",
  load: async (deps, visit) => {
    const { query, root } = visit;
    const kind = ACCOUNT_KINDS.find((one) => one === query.get("kind")) ?? "all";
    const asked = { sought: (query.get("sought") ?? "").trim(), kind };
    const list = await listAccounts(deps, { ...asked, after: query.get("after") ?? "", limit: PAGE_SIZE });
    return framedPage(visit, {
      current: "admin/accounts",
      title: "Accounts",
      children: (
        <>
          <SearchForm visit={visit} asked={asked} />
          {list.items.length === 0 ? (
            <p class="empty">No account matches. Try a shorter part of the name or address.</p>
          ) : (
            <Accounts visit={visit} list={list} />
          )}
          {list.next !== null && (
            <p>
              <a href={`${root}admin/accounts?${new URLSearchParams({ ...asked, after: list.next })}`}>More accounts</a>
            </p>
          )}
          <p class="hint">
            <a href={`${root}admin/invitations`}>Invite somebody</a> to make an account. The operator makes
            administrators with <InlineCommand text="cpm-registry admin grant" />.
          </p>
        </>
      ),
    });
  },
};
