import { NARROW_SCOPES } from "../accounts/actor.ts";
import { clientFault } from "../client/client-fault.ts";
import type { TokenView } from "../tokens/token-view.ts";
import { apiClient, type ClientContext, type ClientOptions, clientContext, rowsText } from "./client-context.ts";
import { confirm } from "./confirm.ts";
import { type PasswordOptions, withLogin } from "./password-login.ts";
import { daysOf, scopesOf } from "./token-wish.ts";

interface TokenOptions extends Partial<ClientOptions>, PasswordOptions {}

/** Options of `token create`. */
export interface TokenCreateOptions extends TokenOptions {
  readonly label: string;
  readonly scope: readonly string[];
  readonly package: readonly string[];
  readonly expires: string;
}

/** Makes an API token and prints it, which is the only time that anybody sees it. */
export async function tokenCreate(given: TokenCreateOptions): Promise<number> {
  const { label, scope, package: packages, expires } = given;
  const scopes = scope.length === 0 ? NARROW_SCOPES : scopesOf(scope);
  const wish = { label, scopes, expiresInDays: daysOf(expires), ...(packages.length === 0 ? {} : { packages }) };
  const context = clientContext(given);
  const client = await apiClient(context);
  const made = await withLogin(context, client, given, (session) =>
    session.client.send<TokenView & { readonly token: string }>("POST", "/api/auth/tokens", wish),
  );
  const until = `until ${made.expiresAt.slice(0, 10)}`;
  context.answer(made, made.token);
  context.prompt.note(`The token may ${made.scopes.join(", ")} (packages ${made.packages.join(", ")}) ${until}.
It is shown only now. Use it as CPM_API_TOKEN. To revoke it: cpm-registry token revoke ${made.id}`);
  return 0;
}

/** Lists the API tokens of the account, without their texts. */
export async function tokenList(given: TokenOptions): Promise<number> {
  const context = clientContext(given);
  const items = await withTokens(context, given, async (tokens) => tokens);
  const rows = items.map(({ id, label, scopes, packages, expiresAt, lastUsedAt }) => {
    return [
      id,
      label,
      scopes.join(","),
      packages.join(","),
      expiresAt.slice(0, 10),
      lastUsedAt?.slice(0, 10) ?? "never",
    ];
  });
  context.answer({ items }, rowsText(context, ["ID", "LABEL", "MAY", "PACKAGES", "EXPIRES", "USED"], rows));
  return 0;
}

/** Revokes an API token by its id, or by a label that only it has. */
export async function tokenRevoke(given: TokenOptions, named: string): Promise<number> {
  const context = clientContext(given);
  const revoked = await withTokens(context, given, async (tokens, revoke) => {
    const token = theOne(tokens, named);
    await confirm(context, `Revoke the token "${token.label}" (${token.id})? What uses it stops working.`);
    await revoke(token.id);
    return token;
  });
  context.answer({ revoked }, `The token "${revoked.label}" is revoked.`);
  return 0;
}

function theOne(tokens: readonly TokenView[], named: string): TokenView {
  const found = tokens.filter(({ id, label }) => id === named || label === named);
  const [token] = found;
  if (found.length === 1 && token !== undefined) return token;
  const detail =
    found.length === 0
      ? `You have no token with the id or label '${named}'. To see them: cpm-registry token list`
      : `${found.length} tokens have the label '${named}'. Name one by its id: ${found.map(({ id }) => id).join(", ")}`;
  throw clientFault("failed", "client_token_unknown", detail);
}

type Revoke = (id: string) => Promise<void>;

/** An API token must not see others, so these commands log in for a moment. */
async function withTokens<T>(
  context: ClientContext,
  given: TokenOptions,
  work: (tokens: readonly TokenView[], revoke: Revoke) => Promise<T>,
): Promise<T> {
  const client = await apiClient(context);
  return withLogin(context, client, given, async (session) => {
    const { items } = await session.client.get<{ readonly items: readonly TokenView[] }>("/api/auth/tokens");
    return work(items, async (id) => {
      const path = `/api/auth/tokens/${encodeURIComponent(id)}`;
      await session.client.request({ method: "DELETE", path, accepts: [404], isRepeatable: true });
    });
  });
}
