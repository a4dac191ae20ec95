import { ASSETS } from "../../src/web/assets.ts";
import { isVisitor, PACKAGE, type Role, type Site } from "./site-roles.ts";

/** What an address answers: a status, or a redirect to the sign-in. */
export type Expected = number | "sign-in";

/** Who gets what from an address. */
export type Expect = (role: Role, isPrivate: boolean) => Expected;

/** A page of the site, with an address to open it at. */
export interface PageRow {
  readonly route: string;
  readonly path: (site: Site) => string;
  readonly expect: Expect;
  /** False for addresses that answer with no page, such as archives and redirects. */
  readonly isPage: boolean;
}

const everybody =
  (status = 200): Expect =>
  () =>
    status;
const reader =
  (status = 200): Expect =>
  (role, isPrivate) =>
    isPrivate && !isVisitor(role) ? "sign-in" : status;
const session: Expect = (role) => (isVisitor(role) ? 200 : "sign-in");
const admin: Expect = (role) => {
  if (!isVisitor(role)) return "sign-in";
  return role === "admin" ? 200 : 403;
};
const owner: Expect = (role) => {
  if (!isVisitor(role)) return "sign-in";
  return role === "owner" ? 200 : 403;
};
/** For others it is as if it were not there. */
const onlyOfOwner: Expect = (role) => {
  if (!isVisitor(role)) return "sign-in";
  return role === "owner" ? 200 : 404;
};
const ownerOrAdmin: Expect = (role) => (role === "admin" ? 200 : owner(role, false));

function page(route: string, expect: Expect, path: string | PageRow["path"] = route): PageRow {
  return { route, expect, path: typeof path === "string" ? () => path : path, isPage: true };
}

function resource(route: string, expect: Expect, path: string | PageRow["path"] = route): PageRow {
  return { ...page(route, expect, path), isPage: false };
}

const VERSION = `/packages/${PACKAGE}/1.0.0`;

const OF_VERSION: readonly PageRow[] = [
  page("/packages/:name", reader(), `/packages/${PACKAGE}`),
  page("/packages/:name/:version", reader(), VERSION),
  ...["values", "inputs", "files", "versions", "dependencies", "trust"].map((tab) =>
    page(`/packages/:name/:version/${tab}`, reader(), `${VERSION}/${tab}`),
  ),
  page("/packages/:name/:version/files/*", reader(), `${VERSION}/files/colony.yaml`),
  page("/packages/:name/:version/compare/:other", reader(), `${VERSION}/compare/1.0.1`),
  resource("/packages/:name/:version/compare", reader(303), `${VERSION}/compare?version=1.0.1`),
  resource("/packages/:name/:version/images/*", reader(404), `${VERSION}/images/no.png`),
  resource("/packages/:name/:version/raw/*", reader(), `${VERSION}/raw/colony.yaml`),
  ...["download", "proof", "verification"].map((file) =>
    resource(`/packages/:name/:version/${file}`, reader(), `${VERSION}/${file}`),
  ),
];

const SETTINGS = "/packages/:name/settings";
const settingsOf = (rest: string) => `/packages/${PACKAGE}/settings${rest}`;

const OF_SETTINGS: readonly PageRow[] = [
  page(SETTINGS, ownerOrAdmin, settingsOf("")),
  page(`${SETTINGS}/yank`, owner, settingsOf("/yank?version=1.0.0")),
  page(
    `${SETTINGS}/remove-owner`,
    owner,
    (site) => `${settingsOf("/remove-owner")}?username=${site.person("invited").username}`,
  ),
];

const accountOf = (site: Site) => `/admin/accounts/${site.person("bystander").username}`;

/** Addresses of forms that are no pages lead to the page of the form, for everybody. */
const FORMS: readonly PageRow[] = [
  ...["/logout", "/account/invitations", "/account/tokens/revoke", "/account/keys/retire"],
  ...["/account/security/password", "/account/security/end", "/admin/quarantine/release", "/admin/quarantine/names"],
  "/admin/invitations/withdraw",
  ...["owners", "status", "cancel-reset"].map((form) => `${SETTINGS}/${form}`),
  ...["test", "replay", "remove"].map((form) => `/account/webhooks/:id/${form}`),
  ...["disable", "enable", "password"].map((form) => `/admin/accounts/:username/${form}`),
].map((route) => resource(route, everybody(303), (site) => addressIn(route, site)));

/** Replaces the parameters of a route by those of the tests. */
export function addressIn(route: string, site: Site): string {
  return route
    .replace(":name", PACKAGE)
    .replace(":username", site.person("bystander").username)
    .replace(":id", site.webhook);
}

/** Every page of the site and every file that pages link to. */
export const PAGE_ROWS: readonly PageRow[] = [
  page("/", reader()),
  page("/login", everybody()),
  page("/register", everybody()),
  page("/reset", everybody(403)),
  page("/search", reader(), "/search?q=perm"),
  resource("/packages", everybody(308)),
  page("/users/:name", reader(), (site) => `/users/${site.person("owner").username}`),
  page("/log", reader()),
  page("/help", reader()),
  resource("/favicon.ico", everybody()),
  resource("/robots.txt", everybody()),
  resource("/assets/:file", everybody(), `/assets/${ASSETS.styles.fileName}`),
  ...OF_VERSION,
  ...OF_SETTINGS,
  ...["", "/tokens", "/keys", "/webhooks", "/security"].map((part) => page(`/account${part}`, session)),
  page("/account/webhooks/:id", onlyOfOwner, (site) => `/account/webhooks/${site.webhook}`),
  ...["", "/accounts", "/invitations", "/quarantine", "/events"].map((part) => page(`/admin${part}`, admin)),
  page("/admin/accounts/:username", admin, accountOf),
  ...FORMS,
];
