import { beforeAll, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";
import { newAdmin } from "../support/roles.ts";
import { type Browser, open, send, signIn } from "./site-roles.ts";

/* What a page says of a form that was refused: once, at the form, in the words of the page. */

/** Returns what a page says in the banner of a refused form, and below its fields. */
function saidIn(html: string) {
  const banners = [...html.matchAll(/<div id="result" class="banner bad"[^>]*>(.*?)<\/div>/gs)];
  const faults = [...html.matchAll(/<p class="fault" id="([^"]+)-fault">(.*?)<\/p>/gs)];
  const invalid = [...html.matchAll(/<(?:input|select|textarea) id="([^"]+)"[^>]*aria-invalid="true"/g)];
  return {
    banners: banners.map(([, text = ""]) => text.replace(/<[^>]+>/g, "")),
    faults: Object.fromEntries(faults.map(([, field, text]) => [field, text])),
    invalid: invalid.map(([, field]) => field),
  };
}

/** Returns the form in which the banner of a page is: where it is sent to, without the root. */
function formOfBanner(html: string): string | undefined {
  const before = html.slice(0, html.indexOf('id="result"'));
  const opened = before.lastIndexOf("<form");
  if (opened < before.lastIndexOf("</form>")) return undefined;
  return /action="(?:\.\.?\/)+([^"#]*)/.exec(before.slice(opened))?.[1];
}

const MARKED = "Nothing was changed. Correct what is marked, and send it again.";

onBothDatabases("refused forms", (registry) => {
  const name = "refused-1";
  const settings = `/packages/${name}/settings`;
  let owner: Client;
  let visitor: Browser;
  let admin: Browser;

  beforeAll(async () => {
    owner = await newAccount(registry());
    visitor = await signIn(registry().url, owner.username);
    admin = await signIn(registry().url, (await newAdmin(registry())).username);
    const published = await owner.publish(name, "1.0.0", makePackage({ name, version: "1.0.0" }), makeKey());
    expect(published.status).toBe(201);
  });

  async function submit(path: string, fields: Record<string, string>, by: Browser | "a guest" = visitor) {
    const headers: Record<string, string> = by === "a guest" ? {} : { cookie: by.cookie };
    const sent = by === "a guest" ? fields : { "form-token": by.token, ...fields };
    const response = await send(registry().url, path, sent, headers);
    const html = await response.text();
    return { status: response.status, html, ...saidIn(html) };
  }

  test("what is wrong with a field is said once, at the field, as a sentence that says what to do", async () => {
    const token = { label: "x", scopes: "read", packages: "*", expiresInDays: "7" };
    const about = { package: name, version: "", category: "policy", reason: "a test", confirm: "yes" };
    const refused = [
      ["/account/tokens", { ...token, label: "" }, "label", "It must be 1 to 100 characters in one line"],
      ["/account/tokens", { ...token, packages: "A b" }, "packages", "It must be the name of a package, names with"],
      [`${settings}/owners`, { invited: "nobody-here" }, "invited", "This registry has no account nobody-here. Check"],
      [`${settings}/status`, { status: "archived", replacement: "NO" }, "replacement", "It must be the name of the"],
      ["/admin/quarantine", { ...about, package: "no-such" }, "package", "This registry has no package no-such. Check"],
      [
        "/admin/quarantine",
        { ...about, version: "9.0.0" },
        "version",
        `${name} has no version 9.0.0. Open the package`,
      ],
      ["/admin/quarantine", { ...about, reason: "" }, "reason", "It must be 1 to 300 characters in one line"],
      ["/admin/quarantine", { ...about, category: "" }, "category", "Choose the category."],
      ["/admin/quarantine/names", { name: "A B" }, "name", ""],
    ] as const;
    for (const [path, fields, field, text] of refused) {
      const { banners, faults, invalid, html } = await submit(
        path,
        fields,
        path.startsWith("/admin") ? admin : visitor,
      );
      expect([path, banners, Object.keys(faults), invalid]).toEqual([path, [MARKED], [field], [field]]);
      expect(faults[field]).toStartWith(text);
      expect(html.split(faults[field] ?? "").length).toBe(2);
      expect(formOfBanner(html)).toBe(path.slice(1));
      expect(html).toContain("<title>Not accepted · ");
    }
  });

  test("a registration says at its fields what is taken, and keeps what was typed", async () => {
    const fresh = { username: "refused-new", email: "refused-new@example.org", password: "correct horse battery" };
    const refused = [
      [{ ...fresh, username: owner.username }, "username", "Another account has this user name."],
      [{ ...fresh, username: "admin" }, "username", "This user name is reserved"],
      [{ ...fresh, email: `${owner.username}@example.org` }, "email", "An account has this e-mail address already."],
      [{ ...fresh, password: "short" }, "password", "It must be "],
    ] as const;
    for (const [fields, field, text] of refused) {
      const { banners, faults, invalid, html } = await submit("/register", fields, "a guest");
      expect([banners, Object.keys(faults), invalid]).toEqual([[MARKED], [field], [field]]);
      expect(faults[field]).toStartWith(text);
      expect(html).toContain(`value="${fields.email}"`);
    }
  });

  test("boxes that must be ticked say so below themselves, and only in the form that was sent", async () => {
    const unscoped = await submit("/account/tokens", { label: "x", packages: "*", expiresInDays: "7" });
    expect([unscoped.banners, unscoped.faults]).toEqual([[MARKED], { scopes: "Tick at least one of them." }]);
    for (const label of ["first of two", "second of two"]) {
      await submit("/account/tokens", { label, scopes: "read", packages: "*", expiresInDays: "7" });
    }
    const list = await (await open(registry().url, "/account/tokens", { cookie: visitor.cookie })).text();
    const id = /name="id" value="([^"]+)"/.exec(list)?.[1] ?? "";
    const unconfirmed = await submit("/account/tokens/revoke", { id });
    expect(unconfirmed.faults).toEqual({ confirm: "Tick this box, which says what will happen." });
    expect(unconfirmed.banners).toEqual([MARKED]);
    expect([...unconfirmed.html.matchAll(/<details class="change" open>/g)].length).toBe(1);
  });

  test("what is wrong with a whole form is said above its fields, and not at the top of a long page", async () => {
    const yank = { version: "1.0.0", change: "yank", reason: "none" };
    const alone = { username: owner.username, as: "owner", confirm: "yes" };
    const last = await submit(`${settings}/remove-owner`, alone);
    expect([last.status, last.banners, last.faults]).toEqual([
      409,
      [`Last owner. ${name} would have no owner left. Invite another owner first.`],
      {},
    ]);
    expect(formOfBanner(last.html)).toBe(`packages/${name}/settings/remove-owner`);
    const incomplete = await submit(`${settings}/yank`, { ...yank, change: "" });
    expect([incomplete.status, incomplete.banners.length]).toEqual([400, 1]);
  });

  test("a form whose subject is gone, or whose field the page lacks, is refused at the top of the page", async () => {
    const gone = await submit("/account/tokens/revoke", { id: crypto.randomUUID(), confirm: "yes" });
    expect([gone.status, formOfBanner(gone.html)]).toEqual([404, undefined]);
    expect(gone.banners).toEqual([
      "Token not found. You have no such token. Reload the page to see those that you have.",
    ]);
    const forged = await submit("/account/tokens", {
      ...{ label: "x", scopes: "read", packages: "*" },
      expiresInDays: "4000",
    });
    expect(forged.faults).toEqual({ expiresInDays: "It must be a whole number of days, 1 to 366." });
    const unconfirmed = await submit("/account/keys/retire", { keyId: "no key" });
    expect([unconfirmed.status, unconfirmed.banners]).toEqual([
      422,
      ["Nothing was changed. Tick this box, which says what will happen."],
    ]);
  });

  test("every form leads to the place of its result, without a script", async () => {
    for (const [path, by] of [
      [settings, visitor],
      ["/account/tokens", visitor],
      ["/admin/quarantine", admin],
    ] as const) {
      const html = await (await open(registry().url, path, { cookie: by.cookie })).text();
      const actions = [...html.matchAll(/<form [^>]*method="post" action="([^"]+)"/g)].map(
        ([, action]) => action ?? "",
      );
      const others = actions.filter((action) => !action.endsWith("#result") && !action.endsWith("/logout"));
      expect([path, others, actions.length > 1]).toEqual([path, [], true]);
    }
  });
});
