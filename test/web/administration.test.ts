import { beforeAll, expect, test } from "bun:test";
import { EVENT_KINDS, NOBODY, recordEvent } from "../../src/audit/record-event.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, Client as Guest, makeKey, newAccount, PASSWORD } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";
import { newAdmin } from "../support/roles.ts";
import { commandsIn } from "./pages-of-site.ts";
import { type Browser, open, send, signIn } from "./site-roles.ts";

/* What administrators see and do on pages. */

/** Returns the text of the cells of the tables of a page, row by row. */
function rowsOf(html: string): string[][] {
  const textOf = (part: string) =>
    part
      .replace(/<[^>]+>/g, "")
      .replaceAll("&quot;", '"')
      .replace(/\s+/g, " ")
      .trim();
  const rows = [...html.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row = ""]) => row);
  return rows.map((row) => [...row.matchAll(/<td[^>]*>(.*?)<\/td>/gs)].map(([, cell = ""]) => textOf(cell)));
}

onBothDatabases(
  "administration",
  (registry) => {
    const key = makeKey();
    let owner: Client;
    let admin: Client;
    let browser: Browser;
    const see = async (path: string, by = browser) => (await open(registry().url, path, { cookie: by.cookie })).text();
    const submit = (path: string, fields: Record<string, string>) =>
      send(registry().url, path, { "form-token": browser.token, ...fields }, { cookie: browser.cookie });
    async function publish(name: string): Promise<void> {
      const { status } = await owner.publish(name, "1.0.0", makePackage({ name, version: "1.0.0" }), key);
      expect(status).toBe(201);
    }

    beforeAll(async () => {
      owner = await newAccount(registry());
      admin = await newAdmin(registry());
      browser = await signIn(registry().url, admin.username);
      for (const name of ["admin-one", "admin-two", "admin-three"]) await publish(name);
    });

    test("the list of what is in quarantine has category, reason and who put it there", async () => {
      const put = { package: "admin-one", category: "secret", reason: "It has a password", confirm: "yes" };
      expect((await submit("/admin/quarantine", put)).status).toBe(303);
      const version = { reason: "A court said so", category: "legal" };
      expect((await admin.send("PUT", "/api/packages/admin-two/1.0.0/quarantine", version)).status).toBe(200);
      // Of two quarantines of one package, the list has the last one.
      await admin.send("PUT", "/api/packages/admin-two/1.0.0/quarantine", { ...version, category: "policy" });
      const rows = rowsOf(await see("/admin/quarantine")).map((cells) => cells.slice(0, 3).join(" | "));
      const today = "[A-Z][a-z]{2} \\d+, \\d{4}";
      const expected = [
        `^$`,
        `^admin-one all versions \\| secret It has a password \\| ${today}by ${admin.username}$`,
        `^admin-two 1.0.0 \\| policy A court said so \\| ${today}by ${admin.username}$`,
      ];
      expect(rows.length).toBe(expected.length);
      for (const [at, row] of rows.entries()) expect(row).toMatch(new RegExp(expected[at] ?? ""));
    });

    test("the page of a package leads an administrator, and nobody else, to its quarantine and takedown", async () => {
      const page = await see("/packages/admin-three");
      expect(page).toContain('href="../admin/quarantine?package=admin-three&amp;version=1.0.0#put"');
      expect(page).toContain('href="../admin/quarantine?package=admin-three#put"');
      const purge = commandsIn(page).filter((command) => command.includes("admin purge"));
      expect(purge).toEqual([
        'cpm-registry admin purge admin-three 1.0.0 --reason <word> --reference "<case>"',
        'cpm-registry admin purge admin-three --reason <word> --reference "<case>"',
      ]);
      const form = await see("/admin/quarantine?package=admin-three&version=1.0.0");
      expect(form).toContain(
        'name="package" autocomplete="off" required maxlength="64" type="text" value="admin-three"',
      );
      const ofOwner = await see("/packages/admin-three", await signIn(registry().url, owner.username));
      for (const html of [ofOwner, (await new Guest(registry().url).get("/packages/admin-three")).text]) {
        expect(html).not.toContain("Administration");
      }
    });

    test("an invitation makes one account, of its address if it has one, and a withdrawn one makes none", async () => {
      const links: string[] = [];
      for (const email of ["invited@example.org", "", "withdrawn@example.org"]) {
        const made = await submit("/admin/invitations", { email, days: "7" });
        expect([made.status, made.headers.get("cache-control")]).toEqual([200, "no-store"]);
        const [link = "", command = ""] = commandsIn(await made.text());
        expect(command).toBe(`cpm-registry register http://registry.test --invitation ${link.split("=")[1]}`);
        links.push(link.replace("http://registry.test", ""));
      }
      const list = await see("/admin/invitations");
      const whom = rowsOf(list).flatMap(([email]) => email ?? []);
      expect(whom).toEqual(["withdrawn@example.org", "whoever has the link", "invited@example.org"]);
      for (const link of links) expect(list).not.toContain(link.split("=")[1] ?? "");
      const id = /name="id" value="([^"]+)"/.exec(list)?.[1] ?? "";
      expect((await submit("/admin/invitations/withdraw", { id, email: "withdrawn@example.org" })).status).toBe(422);
      expect((await submit("/admin/invitations/withdraw", { id, confirm: "yes" })).status).toBe(303);
      const opened = async (link: string) => (await open(registry().url, link)).text();
      expect(await opened(links[0] ?? "")).not.toContain("This invitation is not valid");
      expect(await opened(links[2] ?? "")).toContain("This invitation is not valid");
      const register = async (link: string, username: string, email: string) => {
        const [path = "", invitation = ""] = link.split("?invitation=");
        const fields = { username, email, password: PASSWORD, invitation };
        return (await send(registry().url, path, fields)).status;
      };
      const [forOne = "", forAny = "", withdrawn = ""] = links;
      expect(await register(forOne, "admin-invited", "other@example.org")).toBe(403);
      expect(await register(forOne, "admin-invited", "invited@example.org")).toBe(303);
      expect(await register(forOne, "admin-again", "invited@example.org")).toBe(403);
      expect(await register(forAny, "admin-any", "any@example.org")).toBe(303);
      expect(await register(withdrawn, "admin-withdrawn", "withdrawn@example.org")).toBe(403);
      const wrong = await submit("/admin/invitations", { email: "no address", days: "7" });
      expect([wrong.status, (await wrong.text()).includes("It must be an e-mail address.")]).toEqual([422, true]);
    });

    test("every kind of event is a sentence, with its details and without them, and its data is folded away", async () => {
      const { deps } = registry();
      const details = {
        ...{
          username: "ada",
          role: "admin",
          keyId: "0123456789abcdef0123456789abcdef",
          label: "CI",
          host: "h.example",
        },
        ...{ scopes: ["read"], packages: ["*"], reason: "policy", category: "policy", status: "archived", size: 10 },
        ...{ expiresAt: "2026-01-02T03:04:05.000Z", effectiveAt: "2026-01-02T03:04:05.000Z", secrets: [{ line: 1 }] },
      };
      for (const given of [details, {}]) {
        await deps.db.write(async (session) => {
          for (const kind of EVENT_KINDS) {
            const about = { packageName: "events-one", version: "1.0.0", details: given };
            await recordEvent(session, NOBODY, kind, new Date(), about);
          }
        });
        const html = await see("/admin/events?package=events-one");
        const shown = rowsOf(html)
          .flatMap(([, cell]) => cell ?? [])
          .slice(0, EVENT_KINDS.length);
        expect(shown.length).toBe(EVENT_KINDS.length);
        for (const [at, text] of shown.entries()) {
          const kind = EVENT_KINDS.at(-1 - at) ?? "";
          const [sentence = "", data = ""] = text.split("Data of event");
          expect([kind, sentence]).toEqual([kind, expect.stringMatching(/^[A-Za-z].*\w [^{}]*$/)]);
          expect(sentence).not.toContain(kind);
          expect(sentence).not.toMatch(/undefined|null|\[object|NaN/);
          expect(data).toContain(`"kind": "${kind}"`);
        }
      }
      expect(await see("/admin/events?package=events-one")).not.toContain('<details class="data" open');
    });

    test("who is invited to own packages sees how many beside their name, on every page, until they answer", async () => {
      const invited = await newAccount(registry());
      const theirs = await signIn(registry().url, invited.username);
      const count = (html: string) => />(\d+)<span class="hidden"> invitations? to own a package</.exec(html)?.[1];
      expect(count(await see("/help", theirs))).toBeUndefined();
      for (const name of ["admin-one", "admin-three"]) {
        const put = await owner.send("PUT", `/api/packages/${name}/owners/${invited.username}`);
        expect(put.status).toBe(200);
      }
      const settings = await see("/packages/admin-three/settings", theirs);
      expect(settings).toContain('You are invited to be one: <a href="../../account">answer the invitation</a>');
      for (const path of ["/", "/packages/admin-three", "/account"]) expect(count(await see(path, theirs))).toBe("2");
      await invited.send("PUT", `/api/packages/admin-three/owners/${invited.username}`);
      expect(count(await see("/search", theirs))).toBe("1");
    });
  },
  { env: { PUBLISH_LIMITS: "off" } },
);
