import { beforeAll, describe, expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import { makePackage } from "../support/archive-maker.ts";
import { Client, makeKey, newAccount, PASSWORD } from "../support/client.ts";
import { newKey, resetTo } from "../support/key-statements.ts";
import { onBothDatabases, startRegistry } from "../support/registry.ts";
import { newAdmin } from "../support/roles.ts";
import { commandsIn } from "./pages-of-site.ts";
import { open, send, signIn, tokenIn } from "./site-roles.ts";
import { resultIn, Visitor, visitorOf } from "./visitor.ts";

/** Text that would run or close an attribute, if a page did not escape it. */
const HOSTILE = `"><img src=x onerror=alert(1)></textarea></title><script>alert(1)</script>'`;
const NEW_PASSWORD = "only the owner knows this one";
const ACTIVE = /<img src=x|<script>alert|<\/title><script/;

onBothDatabases("forms", (registry) => {
  const key = makeKey();
  let owner: Client;
  let visitor: Visitor;
  let admin: Visitor;
  let names = 0;

  async function newPackage(by = owner): Promise<string> {
    names += 1;
    const name = `forms-${names}`;
    const answer = await by.publish(name, "1.0.0", makePackage({ name, version: "1.0.0" }), key);
    expect(answer.status).toBe(201);
    return name;
  }
  const guest = () => new Client(registry().url);

  beforeAll(async () => {
    owner = await newAccount(registry(), "owner");
    visitor = await visitorOf(registry(), owner);
    admin = await visitorOf(registry(), await newAdmin(registry()));
    await newPackage();
  });

  test("who registers is signed in, and reads how to publish", async () => {
    const fields = { username: "form-new", email: "form-new@example.org", password: PASSWORD };
    const answer = await send(registry().url, "/register", fields);
    expect([answer.status, answer.headers.get("location")]).toEqual([303, "./account?done=registered"]);
    const cookie = (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    const page = await (await open(registry().url, "/account?done=registered", { cookie })).text();
    for (const text of ["Your account is made", "form-new@example.org"]) expect(page).toContain(text);
    expect(commandsIn(page)).toContain("cpm-registry login http://registry.test");
  });

  test("a refused registration says at the field what is wrong, and keeps all but the password", async () => {
    const fields = { username: "-no-", email: "somebody@example.org", password: "too short" };
    const answer = await send(registry().url, "/register", fields);
    const text = await answer.text();
    expect(answer.status).toBe(422);
    expect(text).toContain('aria-describedby="username-hint username-fault"');
    expect(text).toContain('value="somebody@example.org"');
    expect(text).not.toContain("too short");
  });

  test("after many failed sign-ins the form says when to try again, with 429", async () => {
    const { username } = await newAccount(registry());
    const typed = { username, password: "wrong-password-here" };
    for (let at = 0; at < 5; at += 1) await send(registry().url, "/login", typed);
    const answer = await send(registry().url, "/login", typed);
    expect([answer.status, Number(answer.headers.get("retry-after")) > 0]).toEqual([429, true]);
    expect(resultIn(await answer.text())).toMatch(/^Too many failed logins\. Try again in \d+ (?:second|minute)s?\.$/);
  });

  test("a disabled account reads so at the sign-in, and gets no cookie", async () => {
    const { username } = await newAccount(registry());
    await registry().deps.db.write(async ({ query, tables: { users } }) => {
      await query.update(users).set({ disabledAt: new Date() }).where(eq(users.username, username));
    });
    const answer = await send(registry().url, "/login", { username, password: PASSWORD });
    expect([answer.status, answer.headers.get("set-cookie")]).toEqual([403, null]);
    expect(await answer.text()).toContain("An administrator disabled this account");
  });

  test("a page of another site cannot sign a browser in to an account of its choice", async () => {
    const fields = { username: owner.username, password: PASSWORD };
    for (const headers of [{ origin: "https://evil.example" }, { "sec-fetch-site": "cross-site" }]) {
      const answer = await send(registry().url, "/login", fields, { ...headers });
      expect([answer.status, answer.headers.get("set-cookie")]).toEqual([403, null]);
    }
  });

  test("a form of a session that ended leads to the sign-in, and from there back to its page", async () => {
    const passing = await visitorOf(registry(), owner);
    await passing.submit("/logout", {});
    const { url } = registry();
    const answer = await passing.submit("/account/tokens", {}, { referer: `${url}/account/tokens?done=token-revoked` });
    expect([answer.status, answer.location]).toEqual([303, "../login?next=account%2Ftokens&done=session-ended"]);
    const signInPage = await open(url, "/login?next=account%2Ftokens&done=session-ended");
    expect(await signInPage.text()).toContain("Your session has ended, so nothing was changed");
    const foreign = await passing.submit("/account/tokens", {}, { referer: "https://evil.example/account" });
    expect(foreign.location).toBe("../login?done=session-ended");
  });

  test("a page says only what the registry did, in words of its own, and not for a link of another site", async () => {
    const name = await newPackage();
    const yank = { version: "1.0.0", change: "yank", reason: "none" };
    const { location } = await visitor.submit(`/packages/${name}/settings/yank`, yank);
    const address = location?.replace(/^[./]+/, "/") ?? "";
    expect(resultIn((await visitor.see(address)).text)).toStartWith(`${name} 1.0.0 is yanked`);
    const stranger = await visitorOf(registry(), await newAccount(registry()));
    expect(resultIn((await stranger.see(address.replace(/settings/, "1.0.0"))).text)).toBe("");
    const changed = [address.replace("1.0.0", "2.0.0"), address.replace("done=yanked", "done=unyanked")];
    const codes = ["__proto__", "constructor", HOSTILE, "registered%00", "yanked", "registered&about=x"];
    for (const path of [...changed, ...codes.map((code) => `/account?done=${code}`)]) {
      const { text } = await visitor.see(path);
      expect([path, resultIn(text)]).toEqual([path, ""]);
      expect(text).not.toMatch(ACTIVE);
    }
    const linked = await visitor.see(address, { "sec-fetch-site": "cross-site" });
    expect(resultIn(linked.text)).toBe("");
  });

  test("pages of an account, of settings and of administrators are stored nowhere", async () => {
    const name = await newPackage();
    const own = ["/account", "/account/tokens", "/account/security", `/packages/${name}/settings`];
    for (const path of own) expect((await visitor.see(path)).headers.get("cache-control")).toBe("no-store");
    expect((await admin.see("/admin/accounts")).headers.get("cache-control")).toBe("no-store");
  });

  test("a new token is shown once and works, and a revoked one is refused", async () => {
    const fields = { label: "CI of the site", scopes: "read", packages: "forms-1, forms-*", expiresInDays: "7" };
    const made = await visitor.submit("/account/tokens", fields);
    const token = /cpm_[A-Za-z0-9]+/.exec(made.text)?.[0] ?? "";
    expect([made.status, made.headers.get("cache-control")]).toEqual([200, "no-store"]);
    const program = new Client(registry().url, token);
    expect((await program.get("/api/auth/me")).body.user.username).toBe(owner.username);
    const list = await visitor.see("/account/tokens");
    expect(list.text).toContain("forms-1, forms-*");
    expect(list.text).not.toContain(token);
    const id = /name="id" value="([^"]+)"/.exec(list.text)?.[1] ?? "";
    const unconfirmed = await visitor.submit("/account/tokens/revoke", { id });
    expect(unconfirmed.status).toBe(422);
    expect(unconfirmed.text).toContain("Tick this box");
    expect((await program.get("/api/auth/me")).status).toBe(200);
    const revoked = await visitor.done("/account/tokens/revoke", { id, confirm: "yes" });
    expect(revoked.page).toBe("/account/tokens");
    expect(revoked.said).toStartWith("The token “CI of the site” is revoked");
    expect((await program.get("/api/auth/me")).status).toBe(401);
  });

  test("a changed password ends other sessions and keeps this one, and a wrong one is told at its field", async () => {
    const account = await newAccount(registry());
    const [here, elsewhere] = [await visitorOf(registry(), account), await visitorOf(registry(), account)];
    const wrong = { currentPassword: "not my password", newPassword: `${PASSWORD}!` };
    const refused = await here.submit("/account/security/password", wrong);
    expect([refused.status, refused.text.includes("is not your password")]).toEqual([422, true]);
    const changed = await here.submit("/account/security/password", { ...wrong, currentPassword: PASSWORD });
    expect(changed.location).toBe("../../account/security?done=password-changed");
    expect((await here.see("/account")).status).toBe(200);
    expect((await elsewhere.see("/account")).status).toBe(303);
  });

  test("a declined invitation is gone, and to decline again does not take an ownership away", async () => {
    const name = await newPackage();
    const friend = await newAccount(registry());
    const browser = await visitorOf(registry(), friend);
    await visitor.submit(`/packages/${name}/settings/owners`, { invited: friend.username });
    expect((await browser.see("/account")).text).toContain(name);
    await browser.submit("/account/invitations", { package: name, answer: "decline" });
    expect((await browser.see("/account")).text).not.toContain(name);
    await visitor.submit(`/packages/${name}/settings/owners`, { invited: friend.username });
    await browser.submit("/account/invitations", { package: name, answer: "accept" });
    // The page with the invitation was still open in another tab, of either of them.
    await browser.submit("/account/invitations", { package: name, answer: "decline" });
    const removal = { username: friend.username, as: "invited", confirm: "yes" };
    await visitor.submit(`/packages/${name}/settings/remove-owner`, removal);
    const { body } = await guest().get(`/api/packages/${name}/owners`);
    expect(body.items.map((one: { username: string }) => one.username)).toEqual([owner.username, friend.username]);
  });

  test("before an owner is removed, the page names the keys that stay and the commands for them", async () => {
    const name = await newPackage();
    const friend = await newAccount(registry());
    await visitor.submit(`/packages/${name}/settings/owners`, { invited: friend.username });
    await friend.send("PUT", `/api/packages/${name}/owners/${friend.username}`);
    const asked = await visitor.see(`/packages/${name}/settings/remove-owner?username=${owner.username}`);
    const [together, afterwards] = commandsIn(asked.text);
    expect(together).toBe(`cpm-registry owner remove ${name} ${owner.username}`);
    expect(afterwards).toMatch(new RegExp(`^cpm-registry key remove [0-9a-f]{32} --package ${name}$`));
    const path = `/packages/${name}/settings/remove-owner`;
    const unconfirmed = await visitor.submit(path, { username: friend.username, as: "owner" });
    expect([unconfirmed.status, unconfirmed.text.includes("Tick this box")]).toEqual([422, true]);
    const left = await visitor.done(path, { username: owner.username, as: "owner", confirm: "yes" });
    expect([left.page, left.said]).toEqual(["/account", `You have left ${name}, and are no owner of it any more.`]);
    const last = new Visitor(registry().url, await signIn(registry().url, friend.username));
    const refused = await last.submit(path, { username: friend.username, as: "owner", confirm: "yes" });
    expect([refused.status, refused.text.includes("Invite another owner first")]).toEqual([409, true]);
  });

  test("a yank with its reason is above the page of the version, and is taken back by another form", async () => {
    const name = await newPackage();
    const path = `/packages/${name}/settings/yank`;
    expect((await visitor.see(`${path}?version=1.0.0`)).text).toContain(`Yank ${name} 1.0.0`);
    const unfit = { version: "1.0.0", change: "yank", reason: "broken", replacement: "no version!" };
    const wrong = await visitor.submit(path, unfit);
    expect([wrong.status, wrong.text.includes("must be a version, the name of a package")]).toEqual([422, true]);
    const yank = { version: "1.0.0", change: "yank", reason: "broken", message: "It loses data", replacement: "" };
    const done = await visitor.done(path, yank);
    expect(done.page).toBe(`/packages/${name}/settings`);
    expect(done.said).toStartWith(`${name} 1.0.0 is yanked`);
    const again = await visitor.done(path, { ...yank, change: "reason", reason: "security" });
    expect(again.said).toBe(`${name} 1.0.0 is yanked for another reason now.`);
    const shown = await (await open(registry().url, `/packages/${name}/1.0.0`)).text();
    expect(shown).toContain("It loses data");
    await visitor.submit(path, { version: "1.0.0", change: "undo" });
    expect((await guest().get(`/api/packages/${name}/1.0.0`)).body.yanked).toBe(false);
  });

  test("a yank needs a choice of its reason, and the page of the version says it in words", async () => {
    const name = await newPackage();
    const path = `/packages/${name}/settings/yank`;
    const { text } = await visitor.see(`${path}?version=1.0.0`);
    expect(text).toContain("<option value>Choose the reason</option>");
    expect(text).not.toMatch(/<option selected/);
    const unchosen = await visitor.submit(path, { version: "1.0.0", change: "yank", reason: "" });
    expect([unchosen.status, unchosen.text.includes("Choose the reason.")]).toEqual([422, true]);
    const said = [
      ["broken", "</strong>: it does not work. "],
      ["security", "</strong>: it is not safe to use. "],
      ["renamed", "</strong>: it has another name now. "],
      ["other", "</strong>. "],
      ["none", "</strong>. "],
    ] as const;
    for (const [reason, words] of said) {
      await visitor.submit(path, { version: "1.0.0", change: "yank", reason });
      const shown = await (await open(registry().url, `/packages/${name}/1.0.0`)).text();
      expect([reason, shown.includes(`<strong>Yanked${words.trimEnd()}</div>`)]).toEqual([reason, true]);
    }
    expect((await guest().get(`/api/packages/${name}/1.0.0`)).body.yankReason).toBeNull();
  });

  test("Active takes the old message and replacement away, as the client does", async () => {
    const name = await newPackage();
    const path = `/packages/${name}/settings/status`;
    const why = { message: "Use the other", replacement: "forms-1" };
    await visitor.submit(path, { status: "deprecated", ...why });
    const { said } = await visitor.done(path, { status: "active", ...why });
    expect(said).toStartWith(`${name} is active`);
    const { status, statusMessage, statusReplacement } = (await guest().get(`/api/packages/${name}`)).body;
    expect([status, statusMessage, statusReplacement]).toEqual(["active", null, null]);
  });

  test("a version that does not exist is saved as replacement with a warning, and another package only if it is there", async () => {
    const name = await newPackage();
    const settings = `/packages/${name}/settings`;
    const yank = { version: "1.0.0", change: "yank", reason: "renamed" };
    const asked = [
      ["yank", { ...yank, replacement: "forms-1@7.0.0" }, "version forms-1@7.0.0"],
      ["yank", { ...yank, replacement: "7.0.0" }, "version 7.0.0"],
      ["status", { status: "archived", replacement: "forms-1" }, undefined],
      ["yank", { ...yank, replacement: "forms-1@1.0.0" }, undefined],
      ["yank", { ...yank, replacement: "1.0.0" }, undefined],
    ] as const;
    for (const [form, fields, missing] of asked) {
      const { said } = await visitor.done(`${settings}/${form}`, fields);
      expect(said).toStartWith(form === "yank" ? `${name} 1.0.0 is yanked` : `${name} is `);
      if (missing === undefined) expect(said).not.toContain("here yet");
      else expect(said).toContain(`There is no ${missing} here yet`);
    }
    for (const [form, fields] of [
      ["status", { status: "deprecated", replacement: "nosuchpackage" }],
      ["yank", { ...yank, change: "reason", replacement: "nosuchpackage@1.0.0" }],
    ] as const) {
      const { status, text } = await visitor.submit(`${settings}/${form}`, fields);
      expect([status, text.includes("there is no nosuchpackage. Publish it first")]).toEqual([422, true]);
      expect(text).toContain(`value="${fields.replacement}"`);
    }
  });

  test("after a new password the page says how many API tokens it revoked, and what to do", async () => {
    const account = await newAccount(registry());
    const browser = await visitorOf(registry(), account);
    for (const label of ["one", "two"]) {
      await browser.submit("/account/tokens", { label, scopes: "read", packages: "*", expiresInDays: "7" });
    }
    const change = { currentPassword: PASSWORD, newPassword: `${PASSWORD}!` };
    const { location } = await browser.submit("/account/security/password", change);
    const { text } = await browser.see(location?.replace(/^[./]+/, "/") ?? "");
    expect(text).toContain("2 API tokens were revoked");
    expect(text).toContain("run cpm-registry login again");
  });

  test("who accepts an invitation gets the commands with which a key of theirs is let in", async () => {
    const name = await newPackage();
    const friend = await newAccount(registry());
    const browser = await visitorOf(registry(), friend);
    await visitor.submit(`/packages/${name}/settings/owners`, { invited: friend.username });
    const { location } = await browser.submit("/account/invitations", { package: name, answer: "accept" });
    const { text } = await browser.see(location?.replace(/^[./]+/, "/") ?? "");
    const commands = ["key generate", `key request --package ${name}`].map((command) => `cpm-registry ${command}`);
    expect(commandsIn(text)).toEqual(commands);
  });

  test("a new token may do no more than one of the client, unless more is ticked", async () => {
    const { text } = await visitor.see("/account/tokens");
    const ticked = [...text.matchAll(/name="scopes" value="([^"]+)" checked/g)].map(([, scope]) => scope);
    expect(ticked).toEqual(["read", "publish-update"]);
  });

  test("a pending reset is above the settings, and an owner cancels it there", async () => {
    const name = await newPackage();
    expect((await resetTo(owner, name, await newKey(owner))).status).toBe(200);
    expect((await visitor.see(`/packages/${name}/settings`)).text).toContain("A reset of the keys is pending");
    const path = `/packages/${name}/settings/cancel-reset`;
    expect((await visitor.submit(path, {})).status).toBe(422);
    expect((await visitor.done(path, { confirm: "yes" })).said).toStartWith(`The reset of the keys of ${name} is`);
    expect((await guest().get(`/api/packages/${name}/keys`)).body.reset).toBeNull();
  });

  test("hostile texts in every field are text on every page that shows them", async () => {
    const name = await newPackage();
    const settings = `/packages/${name}/settings`;
    const label = HOSTILE.slice(0, 100);
    await visitor.submit("/account/tokens", { label, scopes: "read", packages: "*", expiresInDays: "7" });
    const yank = { version: "1.0.0", change: "yank", reason: "other", message: HOSTILE };
    await visitor.submit(`${settings}/yank`, yank);
    await visitor.submit(`${settings}/status`, { status: "deprecated", message: HOSTILE });
    const quarantine = { package: name, version: "1.0.0", category: "policy", reason: HOSTILE, confirm: "yes" };
    expect((await admin.submit("/admin/quarantine", quarantine)).status).toBe(303);
    const mine = ["/account", "/account/tokens", settings, `${settings}/yank?version=1.0.0`, `/packages/${name}/1.0.0`];
    for (const path of mine) expect((await visitor.see(path)).text).not.toMatch(ACTIVE);
    const text = encodeURIComponent(HOSTILE);
    const asked = [`${settings}?below=${text}`, `/account?after=${text}`, `/login?next=${text}`];
    for (const path of asked) expect((await visitor.see(path)).text).not.toMatch(ACTIVE);
    const forAdmins = ["quarantine", "events", `accounts?sought=${text}`, `events?package=${text}&before=${text}`];
    for (const path of forAdmins) expect((await admin.see(`/admin/${path}`)).text).not.toMatch(ACTIVE);
    const refused = [
      ["/register", ["username", "email"]],
      ["/login", ["username", "next"]],
      ["/account/tokens", ["label", "scopes", "packages", "expiresInDays"]],
      ["/account/tokens/revoke", ["id"]],
      ["/account/webhooks", ["url", "events", "packages"]],
      [`${settings}/owners`, ["invited"]],
      [`${settings}/status`, ["status", "message", "replacement"]],
      [`${settings}/remove-owner`, ["username", "as"]],
    ] as const;
    for (const [path, fields] of refused) {
      const sent = Object.fromEntries(fields.map((field) => [field, HOSTILE]));
      const answer = await visitor.submit(path, sent);
      expect([path, answer.status >= 400, ACTIVE.test(answer.text)]).toEqual([path, true, false]);
    }
    const nul = await visitor.submit(`${settings}/owners`, { invited: "a\0b" });
    expect(nul.status).toBe(400);
    expect((await admin.see("/admin/accounts?sought=%00&after=%00")).status).toBe(200);
  });

  test("an administrator finds an account, disables it, enables it and makes a link to set its password", async () => {
    const account = await newAccount(registry(), "moderated_x");
    const session = await visitorOf(registry(), account).catch(() => undefined);
    const path = `/admin/accounts/${encodeURIComponent(account.username)}`;
    expect((await admin.see(`/admin/accounts?sought=${account.username}`)).text).toContain(account.username);
    expect((await admin.submit(`${path}/disable`, {})).status).toBe(422);
    const disabled = await admin.done(`${path}/disable`, { confirm: "yes" });
    expect(disabled.said).toStartWith(`${account.username} is disabled`);
    expect((await session?.see("/account"))?.status).toBe(303);
    expect((await admin.see("/admin/accounts?kind=disabled")).text).toContain(account.username);
    await admin.submit(`${path}/enable`, {});
    const stolen = await admin.submit(`${path}/password`, { confirm: "yes", ownPassword: "a guess" });
    expect([stolen.status, stolen.text.includes("is not your password")]).toEqual([422, true]);
    const reset = await admin.submit(`${path}/password`, { confirm: "yes", ownPassword: PASSWORD });
    const link = /<code>http:\/\/registry\.test(\/reset\?token=[0-9a-f]{48})<\/code>/.exec(reset.text)?.[1] ?? "";
    expect(reset.headers.get("cache-control")).toBe("no-store");
    expect((await admin.see(path)).text).toContain("none until its reset link is used, by");
    const old = await guest().post("/api/auth/login", { username: account.username, password: PASSWORD });
    expect([old.status, (await admin.see(path)).text.includes(link)]).toEqual([401, false]);
    const token = new URL(link, registry().url).searchParams.get("token") ?? "";
    const set = await send(registry().url, "/reset", { token, password: NEW_PASSWORD });
    expect([set.status, set.headers.get("location")]).toEqual([303, "./login?done=password-set"]);
    expect((await admin.see(path)).text).not.toContain("reset link is used");
    expect((await signIn(registry().url, account.username, NEW_PASSWORD)).cookie).toContain("cpm_session=");
  });

  test("an administrator cannot disable their own account, or reset its password without the old one", async () => {
    const { text } = await admin.see("/account");
    const username = /<h1>([^<]+)<\/h1>/.exec(text)?.[1] ?? "";
    for (const what of ["disable", "password"]) {
      const sent = { confirm: "yes", ownPassword: PASSWORD };
      const answer = await admin.submit(`/admin/accounts/${username}/${what}`, sent);
      expect([what, answer.status]).toEqual([what, 422]);
    }
  });

  test("events are shown the newest first, page by page, and those of one package alone", async () => {
    const name = await newPackage();
    const { text } = await admin.see(`/admin/events?package=${name}`);
    const kinds = [...text.matchAll(/&quot;kind&quot;: &quot;([a-z_]+\.[a-z_]+)&quot;/g)].map(([, kind]) => kind);
    expect(kinds[0]).toBe("version.published");
    expect(kinds.at(-1)).toBe("package.created");
    const all = await admin.see("/admin/events");
    const older = /href="\.\.\/(admin\/events\?before=\d+)"/.exec(all.text)?.[1];
    if (older === undefined) return expect(all.text).toContain("account.created");
    expect((await admin.see(`/${older}`)).text).toContain("account.created");
  });
});

describe("registration", () => {
  test("a closed registry says whom to ask, and refuses the form", async () => {
    const registry = await startRegistry("sqlite", { env: { REGISTRATION: "closed" } });
    try {
      const page = await (await open(registry.url, "/register")).text();
      expect(page).toContain("Ask an administrator or the operator for a link");
      expect(tokenIn(page)).toBe("");
      expect(await (await open(registry.url, "/register?invitation=used")).text()).toContain(
        "It is unknown, used or expired.",
      );
      const fields = { username: "closed", email: "closed@example.org", password: PASSWORD };
      expect((await send(registry.url, "/register", fields)).status).toBe(403);
    } finally {
      await registry.stop();
    }
  });
});
