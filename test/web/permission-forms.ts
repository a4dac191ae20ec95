import { inviteAccount } from "../../src/accounts/account-links.ts";
import { listAccountInvitations } from "../../src/accounts/list-account-invitations.ts";
import { OPERATOR } from "../../src/audit/record-event.ts";
import { newAccount, PASSWORD } from "../support/client.ts";
import { newKey, resetTo } from "../support/key-statements.ts";
import { newResetLink } from "../support/reset-links.ts";
import { addressIn } from "./permission-pages.ts";
import { type Browser, isVisitor, PACKAGE, type Role, type Site, signIn, type Visitor } from "./site-roles.ts";

/** What a form sends, prepared for one visitor. */
export interface Prepared {
  readonly fields: Readonly<Record<string, string>>;
  /** Another session than the visitor's, for forms that end the session. */
  readonly browser?: Browser;
}

/** A form of the site. */
export interface FormRow {
  readonly route: string;
  /** The status for each visitor. Guests are sent to the sign-in, and nothing changes. */
  readonly expect: (visitor: Visitor) => number;
  readonly prepare: (site: Site, visitor: Visitor) => Prepared | Promise<Prepared>;
  /** True if guests may send it. */
  readonly isForGuests?: boolean;
}

const onlyOwner = (visitor: Visitor) => (visitor === "owner" ? 303 : 403);
const ownerOrAdmin = (visitor: Visitor) => (visitor === "admin" ? 303 : onlyOwner(visitor));
const onlyAdmin = (visitor: Visitor) => (visitor === "admin" ? 303 : 403);
const CONFIRMED = { confirm: "yes" };

/** A new account with a session, for forms that end what the account has. */
async function newBrowser({ registry, url }: Site) {
  const account = await newAccount(registry, "passing");
  return { browser: await signIn(url, account.username) };
}

async function newToken(site: Site): Promise<Prepared> {
  const made = await site.person("owner").post("/api/auth/tokens", { label: "a test", scopes: ["read"] });
  return { fields: { ...CONFIRMED, id: made.body.id } };
}

const ACCOUNT: readonly FormRow[] = [
  {
    route: "/login",
    expect: () => 303,
    prepare: (site) => ({ fields: { username: site.person("user").username, password: PASSWORD } }),
    isForGuests: true,
  },
  {
    route: "/register",
    expect: () => 303,
    prepare: (site) => {
      const username = site.newName();
      return { fields: { username, email: `${username}@example.org`, password: PASSWORD } };
    },
    isForGuests: true,
  },
  {
    route: "/reset",
    expect: () => 303,
    prepare: async ({ registry }) => {
      const { username } = await newAccount(registry, "reset");
      return { fields: { token: await newResetLink(registry, username), password: PASSWORD } };
    },
    isForGuests: true,
  },
  { route: "/logout", expect: () => 303, prepare: async (site) => ({ fields: {}, ...(await newBrowser(site)) }) },
  {
    route: "/account/invitations",
    // To own it already is fine; to be invited by nobody is not.
    expect: (visitor) => (visitor === "owner" || visitor === "invited" ? 303 : 403),
    prepare: async (site, visitor) => {
      const name = site.newName();
      await site.publish(name, "1.0.0");
      const path = `/api/packages/${name}/owners/${site.person("invited").username}`;
      if (visitor === "invited") await site.person("owner").send("PUT", path);
      return { fields: { package: name, answer: "accept" } };
    },
  },
  {
    route: "/account/tokens",
    expect: () => 200,
    prepare: () => ({ fields: { label: "a test", scopes: "read", packages: "*", expiresInDays: "7" } }),
  },
  {
    route: "/account/tokens/revoke",
    expect: (visitor) => (visitor === "owner" ? 303 : 404),
    prepare: newToken,
  },
  {
    route: "/account/webhooks",
    expect: () => 200,
    prepare: () => ({ fields: { url: "https://localhost/hook", events: "*", packages: "*" } }),
  },
  ...["test", "replay", "remove"].map((form) => ({
    route: `/account/webhooks/:id/${form}`,
    expect: (visitor: Visitor) => (visitor === "owner" ? 303 : 404),
    prepare: async (site: Site) => {
      await site.newWebhook();
      return { fields: CONFIRMED };
    },
  })),
  {
    route: "/account/keys/retire",
    expect: (visitor) => (visitor === "owner" ? 303 : 404),
    prepare: async (site) => {
      await newKey(site.person("owner"));
      const { body } = await site.person("owner").get("/api/auth/keys");
      return { fields: { ...CONFIRMED, keyId: body.items.at(-1).keyId } };
    },
  },
  {
    route: "/account/security/password",
    expect: () => 303,
    prepare: async (site) => ({
      fields: { currentPassword: PASSWORD, newPassword: `${PASSWORD}!` },
      ...(await newBrowser(site)),
    }),
  },
  {
    route: "/account/security/end",
    expect: () => 303,
    prepare: async (site) => ({ fields: CONFIRMED, ...(await newBrowser(site)) }),
  },
];

const SETTINGS: readonly FormRow[] = [
  {
    route: "owners",
    expect: onlyOwner,
    prepare: async (site: Site) => ({ fields: { invited: site.person("bystander").username } }),
  },
  {
    route: "remove-owner",
    expect: onlyOwner,
    prepare: async (site: Site) => {
      const { username } = site.person("bystander");
      await site.person("owner").send("PUT", `/api/packages/${PACKAGE}/owners/${username}`);
      return { fields: { ...CONFIRMED, username, as: "invited" } };
    },
  },
  {
    route: "yank",
    expect: onlyOwner,
    prepare: () => ({ fields: { version: "1.0.1", change: "yank", reason: "broken" } }),
  },
  { route: "status", expect: onlyOwner, prepare: () => ({ fields: { status: "deprecated" } }) },
  {
    route: "cancel-reset",
    expect: ownerOrAdmin,
    prepare: async (site: Site) => {
      const owner = site.person("owner");
      const { body } = await owner.get(`/api/packages/${PACKAGE}/keys`);
      if (body.reset === null) await resetTo(owner, PACKAGE, await newKey(owner));
      return { fields: CONFIRMED };
    },
  },
].map((row) => ({ ...row, route: `/packages/:name/settings/${row.route}` }));

const ADMIN: readonly FormRow[] = [
  {
    route: "/admin/accounts/:username/disable",
    expect: onlyAdmin,
    prepare: () => ({ fields: CONFIRMED }),
  },
  { route: "/admin/accounts/:username/enable", expect: onlyAdmin, prepare: () => ({ fields: {} }) },
  {
    route: "/admin/accounts/:username/password",
    expect: (visitor) => (visitor === "admin" ? 200 : 403),
    prepare: () => ({ fields: { ...CONFIRMED, ownPassword: PASSWORD } }),
  },
  {
    route: "/admin/invitations",
    expect: (visitor) => (visitor === "admin" ? 200 : 403),
    prepare: (site) => ({ fields: { email: `${site.newName()}@example.org`, days: "7" } }),
  },
  {
    route: "/admin/invitations/withdraw",
    expect: onlyAdmin,
    prepare: async ({ registry }) => {
      await inviteAccount(registry.deps, OPERATOR, { email: undefined, days: 1 });
      const [{ id = "" } = {}] = await listAccountInvitations(registry.deps);
      return { fields: { ...CONFIRMED, id } };
    },
  },
  {
    route: "/admin/quarantine",
    expect: onlyAdmin,
    prepare: () => ({
      fields: { ...CONFIRMED, package: PACKAGE, version: "1.0.1", category: "policy", reason: "a test" },
    }),
  },
  {
    route: "/admin/quarantine/release",
    expect: onlyAdmin,
    prepare: () => ({ fields: { ...CONFIRMED, released: PACKAGE, releasedVersion: "1.0.1" } }),
  },
  {
    route: "/admin/quarantine/names",
    expect: onlyAdmin,
    prepare: (site) => ({ fields: { name: site.newName() } }),
  },
];

/** Every form of the site. */
export const FORM_ROWS: readonly FormRow[] = [...ACCOUNT, ...SETTINGS, ...ADMIN];

/** The address to which a form is sent. */
export function formAddress({ route }: FormRow, site: Site): string {
  return addressIn(route, site);
}

/** The status that a role gets for a form. */
export function statusFor({ expect, isForGuests = false }: FormRow, role: Role): number {
  if (isVisitor(role)) return expect(role);
  return isForGuests ? expect("user") : 303;
}
