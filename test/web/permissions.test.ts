import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { webRoutes } from "../../src/web/site-routes.ts";
import { switchReadOnly } from "../support/read-only.ts";
import { type DatabaseKind, startRegistry } from "../support/registry.ts";
import { FORM_ROWS, type FormRow, formAddress, statusFor } from "./permission-forms.ts";
import { PAGE_ROWS, type PageRow } from "./permission-pages.ts";
import { GUESTS, isVisitor, open, ROLES, type Role, Site, send, VISITORS } from "./site-roles.ts";

/* Every page and every form, opened and sent by everybody. */

interface Setting {
  readonly kind: DatabaseKind;
  readonly access: "public" | "authenticated";
}

const SETTINGS: readonly Setting[] = [
  { kind: "sqlite", access: "public" },
  { kind: "sqlite", access: "authenticated" },
  { kind: "postgres", access: "public" },
  { kind: "postgres", access: "authenticated" },
];

const named = <Row extends { readonly route: string }>(rows: readonly Row[]) =>
  rows.map((row) => [row.route, row] as const);
const isToSignIn = ({ status, headers }: Response) =>
  status === 303 && /(?:^|\/)login(?:\?|$)/.test(headers.get("location") ?? "");

describe.each(SETTINGS)("pages and forms on $kind with $access reads", ({ kind, access }) => {
  const isPrivate = access === "authenticated";
  let site: Site;

  beforeAll(async () => {
    const registry = await startRegistry(kind, { env: { PUBLISH_LIMITS: "off", READ_ACCESS: access } });
    site = await Site.open(registry);
    await site.publish("perm-pkg", "1.0.1");
  });
  afterAll(() => site.registry.stop());

  test("every route of the site has a row in the tables, and every row a route", () => {
    const routes = webRoutes(site.registry.deps).routes.map(({ method, path }) => `${method} ${path}`);
    const rows = [...PAGE_ROWS.map(({ route }) => `GET ${route}`), ...FORM_ROWS.map(({ route }) => `POST ${route}`)];
    expect(rows.toSorted()).toEqual([...new Set(routes)].toSorted());
  });

  test.each(named(PAGE_ROWS))("GET %s shows everybody what the table says", async (_, row: PageRow) => {
    const answers = await Promise.all(
      ROLES.map(async (role) => {
        const response = await open(site.url, row.path(site), site.headers(role));
        return [role, isToSignIn(response) ? "sign-in" : response.status];
      }),
    );
    expect(answers).toEqual(ROLES.map((role) => [role, row.expect(role, isPrivate)]));
  });

  /** Sends a form in a role, and returns the status and whether anything changed. */
  async function sendAs(row: FormRow, role: Role) {
    const visitor = isVisitor(role) ? role : "user";
    const { fields, browser } = await row.prepare(site, visitor);
    const used = isVisitor(role) ? (browser ?? site.browser(role)) : undefined;
    const headers = used === undefined ? site.headers(role) : { cookie: used.cookie };
    const before = await site.events();
    const sent = { ...fields, "form-token": used?.token ?? site.browser("owner").token };
    const response = await send(site.url, formAddress(row, site), sent, headers);
    return { response, hasChanged: (await site.events()) !== before };
  }

  /** Both databases and both kinds of access, each once. */
  const areFormsTested = (kind === "sqlite") !== isPrivate;

  if (areFormsTested)
    test.each(named(FORM_ROWS))("POST %s does for everybody what the table says, and nothing more", async (_, row) => {
      const isAllowed = (role: Role) => statusFor(row, role) < 400 && (isVisitor(role) || row.isForGuests === true);
      // Whoever is refused comes first, so that the target was there for them.
      for (const role of ROLES.toSorted((a, b) => Number(isAllowed(a)) - Number(isAllowed(b)))) {
        const { response, hasChanged } = await sendAs(row, role);
        expect([role, response.status]).toEqual([role, statusFor(row, role)]);
        if (isAllowed(role))
          expect(isToSignIn(response) && !/\/(?:logout|end|register|reset)$/.test(row.route)).toBe(false);
        else expect([role, hasChanged]).toEqual([role, false]);
        if (!isVisitor(role) && row.isForGuests !== true) expect([role, isToSignIn(response)]).toEqual([role, true]);
      }
    });

  /** The guards of forms are the same on every database, and their tests are long. */
  const isGuardTested = kind === "sqlite" && !isPrivate;

  if (isGuardTested)
    test("a form that no page of this site sent changes nothing, whoever sends it", async () => {
      const forged = [
        { origin: "https://evil.example" },
        { origin: "null" },
        { "sec-fetch-site": "cross-site" },
        { "sec-fetch-site": "same-site" },
      ];
      for (const row of FORM_ROWS) {
        const { fields } = await row.prepare(site, "owner");
        const before = await site.events();
        for (const role of ["guest", "user", "owner", "admin"] as const) {
          const token = isVisitor(role) ? site.browser(role).token : "";
          for (const how of forged) {
            const headers = { ...site.headers(role), ...how };
            const { status } = await send(
              site.url,
              formAddress(row, site),
              { ...fields, "form-token": token },
              headers,
            );
            expect([row.route, role, how, status]).toEqual([row.route, role, how, 403]);
          }
        }
        expect([row.route, await site.events()]).toEqual([row.route, before]);
      }
    });

  if (isGuardTested)
    test("a form without the token of its own session changes nothing", async () => {
      const tokens = ["", site.browser("user").token, "x".repeat(43)];
      for (const row of FORM_ROWS.filter(({ isForGuests }) => isForGuests !== true)) {
        const { fields } = await row.prepare(site, "owner");
        const before = await site.events();
        for (const role of ["owner", "admin"] as const) {
          for (const token of tokens) {
            const sent = { ...fields, "form-token": token };
            const { status } = await send(site.url, formAddress(row, site), sent, site.headers(role));
            expect([row.route, role, token, status]).toEqual([row.route, role, token, 403]);
          }
        }
        expect([row.route, await site.events()]).toEqual([row.route, before]);
      }
    });

  test("no page answers one caller with what it shows another, in any order and from any cache", async () => {
    const tokens = new Map(VISITORS.map((visitor) => [visitor, site.browser(visitor).token]));
    const pages = PAGE_ROWS.filter(({ isPage }) => isPage);
    const order = [...VISITORS, "guest", ...VISITORS.toReversed(), "guest", "ended", "disabled", "owner"] as const;
    for (const row of pages) {
      const answers = await Promise.all(
        order.map(async (role) => {
          const response = await open(site.url, row.path(site), site.headers(role));
          return { role, text: await response.text(), cache: response.headers.get("cache-control") };
        }),
      );
      for (const { role, text, cache } of answers) {
        const shown = [...tokens].filter(([, token]) => text.includes(token)).map(([visitor]) => visitor);
        const own = isVisitor(role) && /<form/.test(text) && text.includes("Sign out") ? [role] : [];
        expect([row.route, role, shown]).toEqual([row.route, role, own]);
        const mails = VISITORS.filter((one) => text.includes(`${site.person(one).username}@example.org`));
        const mayShow = role === "admin" ? VISITORS : VISITORS.filter((one) => one === role);
        expect([row.route, role, mails.filter((one) => !mayShow.some((own) => own === one))]).toEqual([
          row.route,
          role,
          [],
        ]);
        if (isVisitor(role)) expect([row.route, role, cache]).not.toEqual([row.route, role, "no-cache"]);
      }
    }
  });

  if (areFormsTested)
    test("while the registry is read-only, every form is refused and every page is shown", async () => {
      await switchReadOnly(site.registry, "it is being moved");
      const before = await site.events();
      for (const row of FORM_ROWS) {
        for (const role of [GUESTS[0], "owner", "admin"] as const) {
          const sent = { "form-token": isVisitor(role) ? site.browser(role).token : "" };
          const response = await send(site.url, formAddress(row, site), sent, site.headers(role));
          expect([row.route, role, response.status]).toEqual([row.route, role, 503]);
          expect(await response.text()).toContain("it is being moved");
        }
      }
      expect(await site.events()).toBe(before);
      const account = await open(site.url, "/account", site.headers("owner"));
      expect([account.status, (await account.text()).includes("it is being moved")]).toEqual([200, true]);
      await switchReadOnly(site.registry, undefined);
    });
});
