import { beforeAll, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { Client, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";
import { newAdmin } from "../support/roles.ts";
import { open, send, signIn } from "./site-roles.ts";

/* Where the sign-in leads, what a quarantine hides from whom, and what facts are called. */

const key = makeKey();

onBothDatabases("places of pages", (registry) => {
  let owner: Client;
  let admin: Client;
  const cookieOf = async ({ username }: Client) => (await signIn(registry().url, username)).cookie;
  const see = async (path: string, cookie = "") => {
    const response = await open(registry().url, path, cookie === "" ? {} : { cookie });
    return { status: response.status, text: await response.text() };
  };
  const publish = async (by: Client, name: string) => {
    const archive = makePackage({ name, version: "1.0.0" });
    expect((await by.publish(name, "1.0.0", archive, key)).status).toBe(201);
  };

  beforeAll(async () => {
    owner = await newAccount(registry(), "keeper");
    admin = await newAdmin(registry());
    await publish(owner, "place-one");
  });

  test("the sign-in of the header leads back to the page, also from one of the cache, and from an error", async () => {
    for (let at = 0; at < 2; at += 1) {
      expect((await see("/packages/place-one")).text).toContain('href="../login?next=packages%2Fplace-one"');
    }
    expect((await see("/search?q=a&tag=b&done=yanked")).text).toContain('href="./login?next=search%3Fq%3Da%26tag%3Db"');
    expect((await see("/packages/place-none")).text).toContain('href="../login?next=packages%2Fplace-none"');
    for (const path of ["/", "/login?next=log", "/register"])
      expect((await see(path)).text).toContain('login">Sign in');
  });

  test("who is no administrator is offered to sign in as somebody else, which leads back", async () => {
    const browser = await signIn(registry().url, owner.username);
    const { status, text } = await see("/admin", browser.cookie);
    expect(status).toBe(403);
    expect(text).not.toContain(">Sign in<");
    expect(text).toContain('<a href="./login?next=admin">Sign in as somebody else</a>');
    expect(text).toContain('<a href="./account">Account</a>');
    expect((await see("/login?next=admin", browser.cookie)).text).toContain('name="next" value="admin"');
    const fields = { "form-token": browser.token, next: "admin" };
    const left = await send(registry().url, "/logout", fields, { cookie: browser.cookie });
    expect(left.headers.get("location")).toBe("./login?next=admin&done=signed-out");
  });

  test("a package in quarantine is on the page of its owner for owners and administrators alone", async () => {
    const name = "place-stopped";
    await publish(owner, name);
    const reason = { category: "policy", reason: "It is under review" };
    expect((await admin.send("PUT", `/api/packages/${name}/quarantine`, reason)).status).toBe(200);
    const page = `/users/${owner.username}`;
    const stranger = await cookieOf(await newAccount(registry()));
    for (const cookie of ["", stranger]) expect((await see(page, cookie)).text).not.toContain(name);
    for (const one of [owner, admin]) {
      const { text } = await see(page, await cookieOf(one));
      expect(text).toMatch(new RegExp(`packages/${name}".*in quarantine`));
    }
  });

  test("the settings begin with a quarantine and its reason, of the package or of one version", async () => {
    const name = "place-settings";
    await publish(owner, name);
    const settings = `/packages/${name}/settings`;
    const cookie = await cookieOf(owner);
    const reason = { category: "malware", reason: "It phones home" };
    await admin.send("PUT", `/api/packages/${name}/1.0.0/quarantine`, reason);
    const ofVersion = await see(settings, cookie);
    expect(ofVersion.text).toMatch(/1\.0\.0<\/a> is in quarantine.*It phones home\..*id="versions"/);
    await admin.send("DELETE", `/api/packages/${name}/1.0.0/quarantine`);
    expect((await see(settings, cookie)).text).not.toContain("quarantine");
    await admin.send("PUT", `/api/packages/${name}/quarantine`, reason);
    for (const reader of [cookie, await cookieOf(admin)]) {
      expect((await see(settings, reader)).text).toMatch(/The whole package is in quarantine.*It phones home\./);
    }
    expect((await see(settings, cookie)).text).toContain('<span class="badge bad">in quarantine</span>');
  });

  test("a search narrows by owners, and an account that is only invited is none", async () => {
    const name = "place-owned";
    await publish(owner, name);
    const invited = await newAccount(registry(), "asked");
    await owner.send("PUT", `/api/packages/${name}/owners/${invited.username}`);
    const { text } = await see(`/search?q=${name}`);
    expect(text).toContain("<h2>Owners of these packages</h2>");
    expect(text).not.toContain(invited.username);
    expect((await see(`/search?author=${invited.username}`)).text).toContain("No package found");
    const narrowed = await see(`/search?author=${owner.username}`);
    expect(narrowed.text).toContain(`aria-label="Remove owner ${owner.username}"`);
  });

  test("a key has one name on the pages of a package, and its public key once, with its name", async () => {
    const { keyId, publicKey } = (await new Client(registry().url).get("/api/packages/place-one/1.0.0")).body.signature;
    const trust = (await see("/packages/place-one/1.0.0/trust")).text;
    expect(trust).toMatch(new RegExp(`<dt>Public key</dt><dd><code class="hex">${publicKey}<`));
    expect(trust.split(publicKey)).toHaveLength(2);
    expect(trust.split(keyId).length).toBeGreaterThan(3);
    const settings = (await see("/packages/place-one/settings", await cookieOf(owner))).text;
    expect(settings).toMatch(new RegExp(`${keyId}</code></td><td><span><a href="[./]*users/${owner.username}"`));
    expect((await see("/log")).text).toContain(keyId);
  });
});
