import { beforeAll, expect, test } from "bun:test";
import { formatCursor, type ListCursor, parseCursor } from "../../src/search/list-cursor.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, expectProblem, type Json, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";

const COUNT = 24;
const QUESTION = { search: "a", tags: ["b"], author: undefined, sort: "name" } as const;

test("a cursor is read as it was written, and only for its own list", () => {
  const cursors: ListCursor[] = [
    { kind: "seen", ids: [1, 2, 127, 128, 129, 16_512, 3_000_000, 9_007_199_254_740_991] },
    { kind: "seen", ids: [] },
    { kind: "after", value: 1_700_000_000_000, name: "some-name", count: 20 },
  ];
  for (const cursor of cursors) {
    expect(parseCursor(QUESTION, formatCursor(QUESTION, cursor))).toEqual(cursor);
    expect(() => parseCursor({ ...QUESTION, sort: "updated" }, formatCursor(QUESTION, cursor))).toThrow();
  }
  const [valid = ""] = cursors.map((cursor) => formatCursor(QUESTION, cursor));
  for (const text of ["", "s", "x", `z${valid.slice(1)}`]) expect(() => parseCursor(QUESTION, text)).toThrow();
  expect(() => parseCursor(QUESTION, `a${valid.slice(1)}`)).toThrow();
  expect(() => parseCursor(QUESTION, `${valid}gICA`)).toThrow();
});

onBothDatabases(
  "lists by cursor",
  (registry) => {
    let publisher: Client;
    const key = makeKey();
    const publish = async (name: string, version: string) => {
      const draft = { name, version, description: "Walked by cursor", tags: ["walked"] };
      expect((await publisher.publish(name, version, makePackage(draft), key)).status).toBe(201);
    };
    const page = async (query: string) => {
      const answer = await publisher.get(`/api/packages?${query}`);
      expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
      return answer;
    };
    const namesOf = ({ items }: Json): string[] => items.map(({ name }: Json) => name);
    const nameOf = (at: number) => `walked-${String(at).padStart(2, "0")}`;

    beforeAll(async () => {
      publisher = await newAccount(registry());
      for (let at = 0; at < COUNT; at += 1) await publish(nameOf(at), "1.0.0");
    });

    /** Reads a list to its end, and changes it between two pages. */
    async function walk(query: string, between: (at: number, seen: readonly string[]) => Promise<void>) {
      const seen: string[] = [];
      for (let [cursor, at] = ["", 0]; at < 40; at += 1) {
        const { body } = await page(`${query}&pageSize=5${cursor}`);
        seen.push(...namesOf(body));
        if (body.nextCursor === null) return seen;
        cursor = `&cursor=${body.nextCursor}`;
        await between(at, seen);
      }
      throw new Error("The list has no end");
    }

    let version = 1;
    test.each([
      "sort=updated",
      "sort=downloads",
      "sort=name",
      "search=walked",
      "tags=walked&sort=updated",
      "search=cursor&sort=name",
    ])("a walk over %p neither skips nor repeats while versions are published and yanked", async (query) => {
      version += 1;
      const yanked: string[] = [];
      const seen = await walk(query, async (at, so) => {
        // The last of the unread packages moves to the front; a read one does; one is yanked.
        const unread = Array.from({ length: COUNT }, (_, of) => nameOf(of)).filter((name) => !so.includes(name));
        await publish(unread.at(-1) ?? nameOf(0), `${version}.${at}.0`);
        await publish(so[0] ?? nameOf(0), `${version}.${at}.1`);
        if (at !== 1) return;
        const [name = ""] = unread;
        for (const { version: one } of (await publisher.get(`/api/packages/${name}`)).body.versions) {
          await publisher.send("DELETE", `/api/packages/${name}/${one}`, {});
        }
        yanked.push(name);
      });
      expect(new Set(seen).size).toBe(seen.length);
      const expected = Array.from({ length: COUNT }, (_, of) => nameOf(of)).filter((name) => !yanked.includes(name));
      expect(seen.toSorted()).toEqual(expected);
      for (const name of yanked) await publish(name, `${version}.99.0`);
    });

    test("a cursor goes on behind any page, with another page size, and the answer links to the next", async () => {
      const all = namesOf((await page("sort=name&pageSize=100")).body);
      const third = await page("sort=name&pageSize=4&page=3");
      expect(namesOf(third.body)).toEqual(all.slice(8, 12));
      const next = await page(`sort=name&pageSize=3&cursor=${third.body.nextCursor}`);
      expect(namesOf(next.body)).toEqual(all.slice(12, 15));
      expect([next.body.total, next.body.page]).toEqual([COUNT, 5]);
      const link = /^<[^?]+(\?[^>]+)>; rel="next"$/.exec(next.headers.get("link") ?? "")?.[1] ?? "";
      expect(namesOf((await page(link.slice(1))).body)).toEqual(all.slice(15, 18));
      const last = await page("sort=name&pageSize=24");
      expect([last.body.nextCursor, (await page("sort=name&page=100")).body.nextCursor]).toEqual([null, null]);
    });

    test("a cursor of another list and any other text are refused", async () => {
      const { nextCursor } = (await page("sort=name&pageSize=4")).body;
      const wrong = [
        `sort=updated&cursor=${nextCursor}`,
        `sort=name&search=walked&cursor=${nextCursor}`,
        "cursor=x",
        "cursor=%00",
        `cursor=${"x".repeat(11_000)}`,
      ];
      for (const query of wrong) {
        const answer = await publisher.get(`/api/packages?${query}`);
        expect([query.slice(0, 60), answer.status]).toEqual([query.slice(0, 60), 422]);
        expectProblem(answer, 422, "validation_failed");
      }
      expect(namesOf((await page("sort=name&cursor=")).body)).toHaveLength(20);
    });
  },
  { env: { PUBLISH_LIMITS: "off" } },
);
