import { beforeAll, expect, test } from "bun:test";
import { makePackage, type PackageDraft } from "../support/archive-maker.ts";
import { Client, expectProblem, type Json, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases, TEST_PUBLIC_URL, type TestRegistry } from "../support/registry.ts";

const ADA = [{ name: "Ada Lovelace", email: "ada@example.org" }];

/** In the order in which they are published. Each is there for one of the search tests. */
const CORPUS: readonly PackageDraft[] = [
  { name: "kubernetes", version: "1.0.0", description: "Runs clusters", tags: ["containers", "ops"] },
  {
    name: "kubernetes-tools",
    version: "1.0.0",
    description: "kubernetes tools for kubernetes and more kubernetes",
    tags: ["kubernetes", "ops", "web"],
    maintainers: ADA,
  },
  { name: "nginx-proxy", version: "2.1.0", description: "Reverse proxy for web servers", tags: ["web"] },
  { name: "lasso", version: "1.0.0", description: "Lässt Café-Besucher ÜBER Straßen schweben", maintainers: ADA },
  { name: "mir", version: "1.0.0", description: "Привет, контейнеры! Ελληνικά 数据库 データベース" },
  { name: "hundred", version: "1.0.0", description: `100% _sure_ it's "quoted" (really) a-b c:d e\\f <-> g*` },
  { name: "early", version: "0.1.0-beta.1", description: "Only a pre-release", tags: ["Data Base", "a:b"] },
];

async function publishCorpus(registry: TestRegistry): Promise<Client> {
  const publisher = await newAccount(registry, "Publisher");
  const key = makeKey();
  for (const draft of CORPUS) {
    const answer = await publisher.publish(draft.name, draft.version, makePackage(draft), key);
    if (answer.status !== 201) throw new Error(answer.text);
  }
  for (const at of [1, 2, 3]) {
    await publisher.get("/api/packages/kubernetes-tools/1.0.0/download", { "x-forwarded-for": `192.0.2.${at}` });
  }
  await publisher.get("/api/packages/nginx-proxy/2.1.0/download");
  await registry.deps.downloads.flush();
  return publisher;
}

onBothDatabases(
  "find",
  (registry) => {
    let publisher: Client;
    beforeAll(async () => {
      publisher = await publishCorpus(registry());
    });
    const list = (query: string) => new Client(registry().url).get(`/api/packages${query}`);
    const namesOf = (body: Json): string[] => body.items.map((item: { name: string }) => item.name);
    const found = async (query: string) => {
      const answer = await list(query);
      expect([query, answer.status, answer.text.slice(0, 0)]).toEqual([query, 200, ""]);
      return namesOf(answer.body);
    };
    const searched = (text: string, more = "") => found(`?search=${encodeURIComponent(text)}${more}`);

    test("a list has the shape of the contract; its packages have no versions", async () => {
      const { body, headers } = await list("?search=nginx-proxy");
      expect(headers.get("content-type")).toStartWith("application/json");
      expect(body).toEqual({
        items: [expect.any(Object)],
        page: 1,
        pageSize: 20,
        total: 1,
        totalPages: 1,
        nextCursor: null,
      });
      const version = (await publisher.get("/api/packages/nginx-proxy/2.1.0")).body;
      expect(body.items[0]).toEqual({
        name: "nginx-proxy",
        description: "Reverse proxy for web servers",
        latest: "2.1.0",
        latestPublishedAt: version.publishedAt,
        version: "2.1.0",
        inputs: [],
        maintainers: [],
        tags: ["web"],
        owners: [publisher.username],
        createdAt: expect.stringMatching(/Z$/),
        updatedAt: expect.stringMatching(/Z$/),
        downloads: 1,
        status: "active",
        statusMessage: null,
        statusReplacement: null,
        quarantine: null,
      });
    });

    test("a list without parameters has every package, in the order of each sort", async () => {
      const names = CORPUS.map(({ name }) => name);
      expect((await found("")).sort()).toEqual([...names].sort());
      expect(await found("?sort=name")).toEqual([...names].sort());
      expect((await found("?sort=downloads")).slice(0, 2)).toEqual(["kubernetes-tools", "nginx-proxy"]);
      expect(await found("?sort=updated")).toEqual([...names].reverse());
      expect((await found("?sort=relevance")).length).toBe(names.length);
    });

    test("the exact name comes first, also when another package has more matches and more downloads", async () => {
      for (const text of ["kubernetes", "KUBERNETES", "  Kubernetes "]) {
        expect(await searched(text)).toEqual(["kubernetes", "kubernetes-tools"]);
      }
      expect((await searched("kubernetes", "&sort=downloads"))[0]).toBe("kubernetes-tools");
    });

    const QUESTIONS: readonly [text: string, names: string[]][] = [
      ["kubern", ["kubernetes", "kubernetes-tools"]],
      ["kubernetes-tools", ["kubernetes-tools"]],
      ["kubernetes_tools", ["kubernetes-tools"]],
      ["tools kubernetes", ["kubernetes-tools"]],
      ["servers reverse", ["nginx-proxy"]],
      ["proxy clusters", []],
      ["containers", ["kubernetes"]],
      ["clusters", ["kubernetes"]],
      ["inx-pro", ["nginx-proxy"]],
      ["cafe", ["lasso"]],
      ["CAFÉ", ["lasso"]],
      ["cafe\u0301", ["lasso"]],
      ["uber straßen", ["lasso"]],
      ["lässt", ["lasso"]],
      ["Straßen", ["lasso"]],
      ["привет", ["mir"]],
      ["КОНТЕЙНЕРЫ", ["mir"]],
      ["ελληνικα", ["mir"]],
      ["数据库", ["mir"]],
      ["データ", ["mir"]],
      ["kubernets", ["kubernetes", "kubernetes-tools"]],
      ["kuberentes", ["kubernetes", "kubernetes-tools"]],
      ["ngnix-proxy", ["nginx-proxy"]],
      ["alsso", ["lasso"]],
      ["lasos", ["lasso"]],
      ["laso", ["lasso"]],
      ["lassso", ["lasso"]],
      ["lasko", ["lasso"]],
      ["-lasso", ["lasso"]],
      ["mri", ["mir"]],
      ["sasol", []],
      ["𠮷野家", []],
      ["😀zzq", []],
      ["nothing-like-it-anywhere", []],
    ];
    test.each(QUESTIONS)("searching %p finds its packages and no others", async (text, names) => {
      expect((await searched(text)).sort()).toEqual([...names].sort());
    });

    test("q is another spelling of search, and + is a blank in both", async () => {
      for (const query of ["?q=web+servers", "?search=web+servers", "?q=web%20servers", "?q=web servers"]) {
        expect(await found(query)).toEqual(["nginx-proxy"]);
      }
    });

    test("empty parameters, as a form sends them, are ignored", async () => {
      expect(await found("?search=kubernetes&tags=&tag=&author=&q=")).toEqual(await found("?search=kubernetes"));
      expect(await found("?search=&q=kubernetes")).toEqual(await found("?q=kubernetes"));
      expect(await found("?author=")).toEqual(await found(""));
    });

    test("more than ten different tags are refused, in whatever way they are given", async () => {
      const ten = ["ops", "web", ..."abcdefgh"];
      expect(await found(`?tags=ops,web,OPS,Web&tag=${"ops,".repeat(20)}`)).toEqual(await found("?tags=ops,web"));
      for (const rest of ["", "&search=kubernetes", "&search=kubernetse"]) {
        expect(await found(`?tags=${ten.join(",")}${rest}`)).toEqual([]);
        const answer = await list(`?tags=${ten.join(",")}&tag=i${rest}`);
        expectProblem(answer, 422, "validation_failed");
        expect(answer.body.errors).toEqual([{ path: "/tags", message: "must name at most 10 tags" }]);
      }
      expect(await found("?search=kubernetes&tags=ops,containers")).toEqual(["kubernetes"]);
      expect(await found("?search=kubernetse&tags=ops,containers")).toEqual(["kubernetes"]);
    });

    test("a package must have all tags that are asked for, in any spelling, also in a search", async () => {
      const both = ["kubernetes-tools"];
      for (const query of [
        "?tags=ops,web",
        "?tag=web,ops",
        "?tags=ops&tags=web",
        "?tag=ops&tag=web",
        "?tags=ops&tag=web",
      ]) {
        expect([query, await found(query)]).toEqual([query, both]);
      }
      expect(await found("?tags=ops,web,ops,%20web")).toEqual(both);
      expect((await found("?tag=ops")).sort()).toEqual(["kubernetes", "kubernetes-tools"]);
      expect(await found("?tags=ops,containers,web")).toEqual([]);
      expect(await found("?search=kubernetes&tags=web")).toEqual(both);
      expect(await found("?tags=Data%20Base")).toEqual(["early"]);
      expect(await found("?tags=o%25")).toEqual([]);
    });

    test("author matches the whole name of a publisher or maintainer, in any case", async () => {
      expect((await found("?author=ada%20lovelace")).sort()).toEqual(["kubernetes-tools", "lasso"]);
      expect(await found(`?author=${publisher.username.toUpperCase()}`)).toHaveLength(CORPUS.length);
      expect(await found("?author=ada%20lovelace&search=lasso")).toEqual(["lasso"]);
      for (const author of ["ada", "%25", "_", "nobody", "'%20OR%201=1--", "%00", "%ff"]) {
        expect(await found(`?author=${author}`)).toEqual([]);
      }
    });

    const TEXTS = [
      ...`% _ " ' * ( ) [ ] { } - : ; , . / \\ & | ! < > ? ^ ~ $ # @ = %% __ '' "" ** () -- :: &|!<-> <-> :* '':* "*`.split(
        " ",
      ),
      ...[
        "AND",
        "OR",
        "NOT",
        "NEAR",
        "NEAR(",
        "NEAR(a b, 9)",
        "AND OR NOT",
        "NULL",
        "zq%",
        "z_q",
        "zq*",
        "-zq",
        "^zq",
        "zq:*",
      ],
      ...[
        "' OR 1=1 --",
        "'; DROP TABLE packages; --",
        '" OR "" = "',
        "name : zq",
        "{name}: zq",
        "\u200b",
        "\ufffd",
        "🚀",
      ],
      ...["zq".repeat(5_000), "zq ".repeat(2_400), "% ".repeat(2_000), '"'.repeat(4_000), "🚀".repeat(800)],
      ...[`${"zq".repeat(99)}z🚀`, "𐌰".repeat(40), "(".repeat(10_000)],
    ];
    const NOT_TEXT = ["%00", "%00%00", "zq%00", "%", "%zz", "%ff", "%c0%80", "%ED%A0%80", "zq%ED%A0%80", "%F0%9F"];
    /**
     * As written in the address. None is syntax, so each finds only what its letters find: here,
     * nearly nothing.
     */
    const HOSTILE = [...TEXTS.map(encodeURIComponent), ...NOT_TEXT];
    const TOO_LONG = new Set(TEXTS.filter((text) => text.length > 400).map(encodeURIComponent));
    test.each(HOSTILE.map((query) => [query.slice(0, 40), query] as const))(
      "%p is text: no error, no syntax",
      async (_, query) => {
        if (TOO_LONG.has(query)) {
          for (const name of ["search", "q", "tags", "tag", "author"]) {
            const answer = await list(`?${name}=${query}`);
            expectProblem(answer, 422, "validation_failed");
            expect(answer.body.errors.map(({ path }: { path: string }) => path)).toEqual([`/${name}`]);
          }
          return;
        }
        for (const spelling of [`?search=${query}`, `?q=${query}&sort=name`]) {
          const answer = await list(spelling);
          expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/json; charset=utf-8"]);
          expect(answer.body.total).toBeLessThanOrEqual(1);
        }
        for (const name of ["tags", "author"]) expect((await list(`?${name}=${query}`)).status).toBe(200);
      },
    );

    const OPERATORS: readonly [text: string, words: string][] = [
      ...[
        '"kubernetes tools"',
        "kubernetes & tools",
        "kubernetes | tools",
        "kubernetes -tools",
        "kubernetes !tools",
      ].map((text) => [text, "kubernetes tools"] as [string, string]),
      ["kubernetes <-> tools:*", "kubernetes tools"],
      ["kubernetes OR nginx", "kubernetes or nginx"],
      ["kubernetes | nginx", "kubernetes nginx"],
      ["kubernetes NOT tools", "kubernetes not tools"],
      ["NEAR(kubernetes clusters, 9)", "near kubernetes clusters 9"],
      ["name: kubernetes", "name kubernetes"],
      ["%kubernetes%", "kubernetes"],
      ["^clusters* + (runs)", "clusters runs"],
      ["100% _sure_", "100 sure"],
      [`it's "quoted" (really)`, "it s quoted really"],
      ["e\\f", "e f"],
    ];
    test.each(OPERATORS)("searching %p finds what its words find: %p", async (text, words) => {
      const names = await searched(words, "&sort=name");
      expect(await searched(text, "&sort=name")).toEqual(names);
      expect(names.length).toBeLessThanOrEqual(2);
    });

    test("pages cover every package once, with totals and the links of RFC 8288", async () => {
      const pages: string[][] = [];
      let next: string | undefined = "/api/packages?sort=name&pageSize=3";
      while (next !== undefined && pages.length < 9) {
        const { body, headers } = await new Client(registry().url).get(next);
        pages.push(namesOf(body));
        expect(body).toMatchObject({ page: pages.length, pageSize: 3, total: 7, totalPages: 3 });
        const links = new Map(
          (headers.get("link") ?? "").split(", ").map((link) => {
            const [, address = "", relation = ""] = /^<(.+)>; rel="(\w+)"$/.exec(link) ?? [];
            return [relation, address];
          }),
        );
        const relations = [
          "first",
          ...(pages.length > 1 ? ["prev"] : []),
          ...(pages.length < 3 ? ["next"] : []),
          "last",
        ];
        expect([...links.keys()]).toEqual(relations);
        for (const address of links.values()) expect(address).toStartWith(`${TEST_PUBLIC_URL}/api/packages?`);
        for (const address of links.values()) expect(address).toContain("sort=name");
        next = links.get("next")?.replace(TEST_PUBLIC_URL, "");
      }
      expect(pages.map((page) => page.length)).toEqual([3, 3, 1]);
      expect(pages.flat()).toEqual(CORPUS.map(({ name }) => name).sort());
    });

    test("a page after the last is empty and still has the totals, and its links keep the parameters", async () => {
      const { body, headers } = await list("?search=kubernetes&tags=ops&page=9&pageSize=1");
      expect(body).toEqual({ items: [], page: 9, pageSize: 1, total: 2, totalPages: 2, nextCursor: null });
      const links = headers.get("link") ?? "";
      expect(links).not.toContain('rel="next"');
      for (const part of ["search=kubernetes", "tags=ops", "pageSize=1"]) expect(links).toContain(part);
      expect((await list("?search=nothing-like-it")).body).toMatchObject({ items: [], total: 0, totalPages: 0 });
    });

    test("links repeat known parameters only, and long texts are refused", async () => {
      const { headers } = await list(`?search=kubernetes&sort=name&junk=${"j".repeat(9_000)}`);
      const links = headers.get("link") ?? "";
      expect(links).toContain("search=kubernetes&sort=name");
      expect(links).not.toContain("junk");
      const longest = "z".repeat(400);
      for (const name of ["search", "q", "tags", "tag", "author"]) {
        expect((await list(`?${name}=${longest}`)).status).toBe(200);
        expectProblem(await list(`?${name}=${longest}z`), 422, "validation_failed");
      }
      for (const name of ["search", "tags", "author", "sort", "page"]) {
        const value = { sort: "name", page: "1" }[name] ?? "z";
        const repeated = `${name}=${"z".repeat(400)}&${name}=${value}`;
        expectProblem(await list(`?${repeated}`), 422, "validation_failed");
      }
      expectProblem(await list(`?${`tags=${"z".repeat(50)}&`.repeat(8)}tags=z`), 422, "validation_failed");
    });

    test("a search for a typing error has pages and totals too", async () => {
      const { body } = await list("?search=kubernets&pageSize=1&page=2");
      expect(body).toMatchObject({ items: [expect.any(Object)], page: 2, total: 2, totalPages: 2 });
    });

    const BAD = ["page=0", "page=-1", "page=1.5", "page=x", "page=1e9", "page=99999999999999999999", "page=NaN"];
    const BAD_SIZES = [
      "pageSize=0",
      "pageSize=-1",
      "pageSize=100000",
      "pageSize=x",
      "pageSize=Infinity",
      "pageSize=%00",
    ];
    const BAD_SORTS = ["sort=bogus", "sort=name;drop", "sort=NAME%20DESC", "sort=%00"];
    test.each([...BAD, ...BAD_SIZES, ...BAD_SORTS])("?%s is 422 and names the parameter", async (query) => {
      const answer = await list(`?${query}`);
      expectProblem(answer, 422, "validation_failed");
      expect(answer.body.errors.map(({ path }: { path: string }) => path)).toEqual([`/${query.split("=")[0]}`]);
    });

    test("unknown parameters are ignored", async () => {
      expect(await found("?search=mir&utm_source=x&__proto__=x&constructor=y")).toEqual(["mir"]);
    });

    test("a list has an entity tag that changes with it", async () => {
      const first = await list("?sort=name");
      const tag = first.headers.get("etag") ?? "";
      const headers = { "if-none-match": tag };
      const again = await new Client(registry().url).get("/api/packages?sort=name", headers);
      expect([again.status, again.text, again.headers.get("etag")]).toEqual([304, "", tag]);
      expect((await new Client(registry().url).get("/api/packages?sort=updated", headers)).status).toBe(200);
    });
  },
  { env: { TRUSTED_PROXIES: "127.0.0.1" } },
);
