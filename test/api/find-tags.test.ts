import { beforeAll, expect, test } from "bun:test";
import { makePackage, type PackageDraft } from "../support/archive-maker.ts";
import { Client, type Json, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";

/* Lists that are narrowed by several tags at once, up to the maximum. */

const TEN = ["One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten"];
/** The text index knows only the beginning of tags of this length, so it confuses these. */
const [LONG_A, LONG_B, LONG_C] = ["a", "b", "c"].map((end) => "字".repeat(40) + end);

const CORPUS: readonly (Partial<PackageDraft> & { name: string })[] = [
  { name: "gearbox", description: "Ready to turn", tags: TEN },
  { name: "gearbox-lite", description: "Ready to turn", tags: TEN.slice(0, 9) },
  { name: "wheel", description: "Ready to roll", tags: [...TEN, "Eleven"] },
  { name: "long-both", description: "Ready at length", tags: [`${LONG_A}`, `${LONG_B}`, "One", "Two"] },
  { name: "long-other", description: "Ready at length", tags: [`${LONG_A}`, `${LONG_C}`, "One", "Two"] },
  { name: "long-mine", description: "Ready at length", tags: [`${LONG_A}`, `${LONG_B}`, "One"] },
];

onBothDatabases("tags of a list", (registry) => {
  let publisher: Client;
  beforeAll(async () => {
    publisher = await newAccount(registry(), "Publisher");
    const key = makeKey();
    for (const draft of CORPUS) {
      const archive = makePackage({ version: "1.0.0", ...draft });
      expect((await publisher.publish(draft.name, "1.0.0", archive, key)).status).toBe(201);
    }
  });
  const list = (query: string) => new Client(registry().url).get(`/api/packages?${query}`);
  const found = async (query: string): Promise<string[]> => {
    const { status, body } = await list(query);
    expect([query, status]).toEqual([query, 200]);
    expect(body.total).toBe(body.items.length);
    return body.items.map(({ name }: Json) => name).sort();
  };

  test("are counted once each, however often and in whatever case they are given", async () => {
    const again = [...TEN, ...TEN.map((tag) => tag.toUpperCase()), "%20one%20", "", "ＯＮＥ"];
    expect(await found(`tags=${again}`)).toEqual(["gearbox", "wheel"]);
    expect(await found(`q=ready&tags=${TEN}&tag=${again}`)).toEqual(["gearbox", "wheel"]);
  });

  test("narrow matches of words, exact names, parts of names and typing errors", async () => {
    const nine = `tags=${TEN.slice(0, 9)}`;
    const questions: readonly [query: string, names: string[]][] = [
      [`q=turn&${nine}`, ["gearbox", "gearbox-lite"]],
      [`q=turn&tags=${TEN}`, ["gearbox"]],
      [`q=gearbox&${nine}`, ["gearbox", "gearbox-lite"]],
      [`q=gearbox&tags=${TEN}`, ["gearbox"]],
      [`q=gearbox-lite&tags=${TEN}`, ["gearbox"]],
      [`q=gearbox&tags=One,Eleven`, []],
      [`q=earbo&${nine}`, ["gearbox", "gearbox-lite"]],
      [`q=earbo&tags=${TEN}`, ["gearbox"]],
      [`q=gearbxo&${nine}`, ["gearbox", "gearbox-lite"]],
      [`q=gearbxo&tags=${TEN}`, ["gearbox"]],
      [`q=gearbxo&tags=One,Eleven`, []],
      [`q=gearbox&tags=${TEN}&author=${publisher.username}`, ["gearbox"]],
      [`q=gearbox&tags=${TEN}&author=nobody`, []],
    ];
    for (const [query, names] of questions) expect([query, await found(query)]).toEqual([query, names]);
  });

  test("are compared whole where they are longer than the term in the index", async () => {
    const both = `tags=${LONG_A},${LONG_B}`;
    expect(await found(`tags=${LONG_A}`)).toEqual(["long-both", "long-mine", "long-other"]);
    expect(await found(both)).toEqual(["long-both", "long-mine"]);
    expect(await found(`${both},two`)).toEqual(["long-both"]);
    expect(await found(`tags=${LONG_B},${LONG_C}`)).toEqual([]);
    for (const text of ["length", "long-both", "ong-bot", "lnog-both"]) {
      expect([text, await found(`q=${text}&${both},two`)]).toEqual([text, ["long-both"]]);
      expect([text, await found(`q=${text}&tags=${LONG_B},${LONG_C}`)]).toEqual([text, []]);
    }
  });
});
