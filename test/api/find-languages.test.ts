import { beforeAll, expect, test } from "bun:test";
import { makePackage, type PackageDraft } from "../support/archive-maker.ts";
import { Client, type Json, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";

/** In the order in which they are published, which is not the order in which they are found. */
const CORPUS: readonly PackageDraft[] = [
  { name: "ja", version: "1.0.0", description: "これは機械学習ツールです。ｶﾞｽ" },
  { name: "zh", version: "1.0.0", description: "开源的人工智能平台", tags: ["数据库"] },
  { name: "th", version: "1.0.0", description: "ติดตั้งง่ายมาก" },
  { name: "ko", version: "1.0.0", description: "한국인공지능연구소의 도구" },
  { name: "de", version: "1.0.0", description: "Eine größere Straße, ΣΟΦΟΣ, ﬁnden" },
  { name: "party", version: "1.0.0", description: "Deploys 🎉 with 👩🏽‍💻 in 🇩🇪 ❤️" },
  { name: "c", version: "1.0.0", description: "Compiles C with a compiler" },
  { name: "c-sharp-notes", version: "1.0.0", description: "Notes about C# and .NET, not C++, and about F#" },
  { name: "compiler", version: "1.0.0", description: "A compiler", tags: ["C++", "compilers"] },
  { name: "net-tools", version: "1.0.0", description: "Network tools: net, ping", tags: ["network"] },
  { name: "web-app", version: "1.0.0", description: "Built on ASP.NET", tags: ["tools"] },
  { name: "unity", version: "1.0.0", description: "Games", tags: ["c#"] },
  { name: "runtime", version: "1.0.0", description: "Runs programs", tags: [".NET", "c# tools"] },
];

onBothDatabases("find in many languages", (registry) => {
  beforeAll(async () => {
    const publisher = await newAccount(registry());
    const key = makeKey();
    for (const draft of CORPUS) {
      const answer = await publisher.publish(draft.name, draft.version, makePackage(draft), key);
      expect([draft.name, answer.status]).toEqual([draft.name, 201]);
    }
  });
  const searched = async (text: string, more = ""): Promise<string[]> => {
    const answer = await new Client(registry().url).get(`/api/packages?search=${encodeURIComponent(text)}${more}`);
    expect([text, answer.status]).toEqual([text, 200]);
    return answer.body.items.map(({ name }: Json) => name);
  };

  const FOUND: readonly [text: string, names: string[]][] = [
    ["機械学習", ["ja"]],
    ["学習", ["ja"]],
    ["習", ["ja"]],
    ["ツール", ["ja"]],
    ["ガス", ["ja"]],
    ["カス", []],
    ["機習", []],
    ["学習機械", []],
    ["人工智能", ["zh"]],
    ["智能 平台", ["zh"]],
    ["台", ["zh"]],
    ["数据", ["zh"]],
    ["ง่าย", ["th"]],
    ["ตั้งง่าย", ["th"]],
    ["인공지능", ["ko"]],
    ["연구소", ["ko"]],
    ["지능도구", []],
    ["GRÖSSERE", ["de"]],
    ["grössere straße", ["de"]],
    ["STRASSE", ["de"]],
    ["σοφοσ", ["de"]],
    ["σοφος", ["de"]],
    ["FINDEN", ["de"]],
    ["🎉", ["party"]],
    ["👩‍💻", ["party"]],
    ["🇩🇪", ["party"]],
    ["🇫🇷", []],
    ["❤", ["party"]],
    ["deploys 🎉", ["party"]],
    ["C++", ["compiler", "c-sharp-notes"]],
    ["c++ compiler", ["compiler"]],
    ["C#", ["unity", "runtime", "c-sharp-notes"]],
    ["F#", ["c-sharp-notes"]],
    [".NET", ["runtime", "c-sharp-notes", "web-app"]],
    ["asp.net", ["web-app"]],
    ["ｃ＋＋", ["compiler", "c-sharp-notes"]],
    ["C+++", ["compiler", "c-sharp-notes"]],
    // The trigrams of Postgres have the beginnings of words, those of SQLite do not.
    ["ja xyz", []],
    ["th ngs", []],
    ["unitty", ["unity"]],
  ];
  test.each(FOUND)("searching %p finds its packages in their order", async (text, names) => {
    expect(await searched(text)).toEqual(names);
  });

  test("words without signs find those with signs too, and an exact tag comes before other matches", async () => {
    expect(await searched("c")).toEqual(expect.arrayContaining(["c", "compiler", "unity", "c-sharp-notes"]));
    expect((await searched("c"))[0]).toBe("c");
    expect((await searched("tools")).slice(0, 2)).toEqual(["web-app", "net-tools"]);
    expect(await searched("network")).toEqual(["net-tools"]);
  });

  test("tags are found in a search that is narrowed by another tag", async () => {
    expect(await searched("c#", "&tags=.net")).toEqual(["runtime"]);
    expect(await searched(".net", "&tags=c%23%20tools")).toEqual(["runtime"]);
  });
});
