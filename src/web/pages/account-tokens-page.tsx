/** @jsxImportSource preact */
import { NARROW_SCOPES, TOKEN_SCOPES } from "../../accounts/actor.ts";
import { parseForm } from "../../http/validate.ts";
import { createToken } from "../../tokens/create-token.ts";
import { listTokens } from "../../tokens/list-tokens.ts";
import { revokeToken } from "../../tokens/revoke-token.ts";
import { CreateTokenBody, TOKEN_DEFAULTS } from "../../tokens/schemas.ts";
import type { TokenView } from "../../tokens/token-view.ts";
import { fieldFault } from "../form-problem.ts";
import { wordsOf } from "../form-words.ts";
import type { ActionSpec, PageSpec } from "../handlers.ts";
import type { OfVisit, Page } from "../layout.tsx";
import { withNotice } from "../notices.tsx";
import type { Visit } from "../visit.ts";
import { visitorOf } from "../visitor.ts";
import { framedPage } from "./account-frame.tsx";
import {
  Check,
  Confirm,
  Field,
  FieldFault,
  FoldedForm,
  faultId,
  PostForm,
  Result,
  requireConfirmed,
  Select,
  useFault,
} from "./form-parts.tsx";
import { TableRegion } from "./table-region.tsx";
import { Command, Day, Moment } from "./texts.tsx";

const SCOPE_TEXTS: Readonly<Record<(typeof TOKEN_SCOPES)[number], string>> = {
  read: "read and download, where the registry is private",
  "publish-new": "publish packages that do not exist yet",
  "publish-update": "publish new versions of packages that you own",
  yank: "yank versions, and set the status of packages",
  owners: "invite and remove owners",
};

const EXPIRIES = [7, 30, 90, 180, 366].map((days) => [String(days), `${days} days`] as const);

function Scopes() {
  const ticked: readonly string[] = NARROW_SCOPES;
  return (
    <fieldset aria-describedby={useFault("scopes") === undefined ? undefined : faultId("scopes")}>
      <legend>What it may do</legend>
      {TOKEN_SCOPES.map((scope) => (
        <Check key={scope} name="scopes" value={scope} checked={ticked.includes(scope)}>
          <code>{scope}</code> <span class="hint">{SCOPE_TEXTS[scope]}</span>
        </Check>
      ))}
      <FieldFault name="scopes" />
    </fieldset>
  );
}

function MakeToken({ visit }: OfVisit) {
  return (
    <section>
      <h2>Make a token</h2>
      <PostForm visit={visit} action="account/tokens">
        <Field name="label" label="What it is for" maxLength={100} hint="Such as: CI of the website" />
        <Scopes />
        <Field
          name="packages"
          label="For which packages"
          value={TOKEN_DEFAULTS.packages.join(" ")}
          hint="Names, or beginnings such as foo-*, with blanks between them. * is all of them."
        />
        <Select
          name="expiresInDays"
          label="How long it lives"
          value={String(TOKEN_DEFAULTS.expiresInDays)}
          choices={EXPIRIES}
        />
        <button type="submit" class="primary">
          Make the token
        </button>
      </PostForm>
    </section>
  );
}

function TokenRow({ visit, token, now }: OfVisit & { readonly token: TokenView; readonly now: Date }) {
  const { id, label, scopes, packages, expiresAt, lastUsedAt } = token;
  const hasEnded = new Date(expiresAt) <= now;
  return (
    <tr>
      <td>
        {label} {hasEnded && <span class="badge plain">expired</span>}
      </td>
      <td>
        {scopes.join(", ")}
        <p class="hint">{packages.length === 1 && packages[0] === "*" ? "all packages" : packages.join(", ")}</p>
      </td>
      <td>{lastUsedAt === null ? "never" : <Moment at={lastUsedAt} />}</td>
      <td>
        <Day at={expiresAt} />
      </td>
      <td>
        <FoldedForm
          visit={visit}
          summary="Revoke…"
          action="account/tokens/revoke"
          subject={{ id }}
          button="Revoke the token"
        >
          <Confirm>Programs that use “{label}” are refused at once. It cannot be taken back.</Confirm>
        </FoldedForm>
      </td>
    </tr>
  );
}

function TokenTable({ visit, tokens, now }: OfVisit & { readonly tokens: readonly TokenView[]; readonly now: Date }) {
  if (tokens.length === 0) {
    return <p class="empty">You have no tokens. Make one for each script or pipeline that uses this registry.</p>;
  }
  return (
    <TableRegion label="API tokens">
      <thead>
        <tr>
          <th scope="col">Token</th>
          <th scope="col">May</th>
          <th scope="col">Last used</th>
          <th scope="col">Expires</th>
          <th scope="col">
            <span class="hidden">Revoke</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {tokens.map((token) => (
          <TokenRow key={token.id} visit={visit} token={token} now={now} />
        ))}
      </tbody>
    </TableRegion>
  );
}

/** The API tokens of an account, and the form that makes one. */
export const tokensPage: PageSpec = {
  audience: "session",
  load: async (deps, visit) => {
    const tokens = await listTokens(deps, visitorOf(visit));
    return framedPage(visit, {
      current: "account/tokens",
      title: "API tokens",
      children: (
        <>
          <p>
            A token lets a script or a pipeline act for you, within its scopes. It can do less than your password: it
            never makes other tokens, and never brings keys.
          </p>
          <TokenTable visit={visit} tokens={tokens} now={deps.clock()} />
          <MakeToken visit={visit} />
        </>
      ),
    });
  },
};

/** Shows a new token, which nobody can look up later. */
function newTokenPage(visit: Visit, { token, label, expiresAt }: TokenView & { readonly token: string }): Page {
  return framedPage(visit, {
    current: "account/tokens",
    title: "Your new token",
    children: (
      <>
        <Result>
          <strong>Copy it now.</strong> This page shows “{label}” once; the registry keeps only its digest. It expires
          on <Day at={expiresAt} />.
        </Result>
        <Command text={token} label="the token" isPlain />
        <p>
          Give it to a program as <code>CPM_API_TOKEN</code>, or to your client:
        </p>
        <Command
          text={`cpm-registry login ${visit.base} --token-stdin`}
          label="the command that logs in with a token"
        />
        <p>
          <a class="button" href={`${visit.root}account/tokens`}>
            All tokens
          </a>
        </p>
      </>
    ),
  });
}

/** Returns the ticked scopes. Throws `validation_failed` if there is none. */
function scopesOf(form: URLSearchParams): string[] {
  const scopes = form.getAll("scopes");
  if (scopes.length > 0) return scopes;
  throw fieldFault("scopes", "Tick at least one of them.");
}

/** Makes a token and shows it. */
export const createTokenAction: ActionSpec = {
  audience: "session",
  page: tokensPage,
  act: async (deps, visit, form, db) => {
    const request = parseForm(CreateTokenBody, {
      label: form.get("label") ?? "",
      scopes: scopesOf(form),
      packages: wordsOf(form, "packages"),
      expiresInDays: Number(form.get("expiresInDays")),
    });
    const { label, scopes, packages = TOKEN_DEFAULTS.packages, expiresInDays } = request;
    const asked = { label, scopes, packages, expiresInDays: expiresInDays ?? TOKEN_DEFAULTS.expiresInDays };
    return newTokenPage(visit, await createToken({ ...deps, db }, visit.visitor, asked));
  },
};

/** Revokes a token. */
export const revokeTokenAction: ActionSpec = {
  audience: "session",
  page: tokensPage,
  act: async (deps, visit, form, db) => {
    requireConfirmed(form);
    const { label } = await revokeToken({ ...deps, db }, visit.visitor, form.get("id") ?? "");
    return { redirect: withNotice(visit, "account/tokens", "token-revoked", label) };
  },
};
