import { beforeAll, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, Client as Guest, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";
import { newAdmin } from "../support/roles.ts";

/* What the page of the log says of its entries. */

const SHOWN = 25;
const TIME = /^[A-Z][a-z]{2} \d+, \d{4}, \d\d:\d\d UTC$/;

/** Returns the entries of the page: index, sentence and time. */
function entriesOf(html: string): string[][] {
  const table = /<section class="table" aria-label="Entries".*?<\/section>/s.exec(html)?.[0] ?? "";
  const rows = [...table.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row = ""]) => row);
  return rows.map((row) =>
    [...row.matchAll(/<t[dh][^>]*>(.*?)<\/t[dh]>/gs)].map(([, cell = ""]) => cell.replace(/<[^>]+>/g, "")),
  );
}

onBothDatabases("entries on the page of the log", (registry) => {
  const name = "logged";
  let owner: Client;
  const see = async (path: string) => {
    const { text } = await new Guest(registry().url).get(path, { accept: "text/html" });
    return entriesOf(text);
  };

  beforeAll(async () => {
    owner = await newAccount(registry());
    const published = await owner.publish(name, "1.0.0", makePackage({ name, version: "1.0.0" }), makeKey());
    expect(published.status).toBe(201);
  });

  test("yanks and quarantines have a time and a category, as the registry noted them", async () => {
    await owner.send("DELETE", `/api/packages/${name}/1.0.0`, { reason: "security", message: "Words of the owner" });
    const admin = await newAdmin(registry());
    await admin.send("PUT", `/api/packages/${name}/quarantine`, { reason: "Words of an admin", category: "malware" });
    await admin.send("DELETE", `/api/packages/${name}/quarantine`);
    const [head, ...entries] = await see("/log");
    expect(head).toEqual(["Entry", "What happened", "When"]);
    expect(entries.map(([, sentence]) => sentence)).toEqual([
      `All of ${name} was released from quarantine: malware`,
      `All of ${name} was put in quarantine: malware`,
      `${name} 1.0.0 was yanked by ${owner.username}: it is not safe to use`,
      expect.stringMatching(/^logged 1.0.0 was published, signed with key [0-9a-f]{12}$/),
    ]);
    for (const [, , time] of entries) expect(time).toMatch(TIME);
  });

  test("entries of which nobody noted a time have an empty place for it, and no column where all are so", async () => {
    const { deps } = registry();
    await deps.db.write(async ({ query, tables: { logLeaves } }) => {
      await query.update(logLeaves).set({ details: null });
    });
    const times = (await see("/log")).map(([, , time]) => time);
    expect(times).toEqual(["When", "", "", "", expect.stringMatching(TIME)]);
    for (let at = 0; at < SHOWN; at += 2) {
      await owner.post(`/api/packages/${name}/1.0.0`);
      await owner.send("DELETE", `/api/packages/${name}/1.0.0`, { reason: "broken" });
    }
    await deps.db.write(async ({ query, tables: { logLeaves } }) => {
      await query.update(logLeaves).set({ details: null });
    });
    const [head, ...entries] = await see("/log");
    expect(head).toEqual(["Entry", "What happened"]);
    expect(entries.length).toBe(SHOWN);
  });
});
