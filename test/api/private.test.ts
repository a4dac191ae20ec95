import { beforeAll, expect, test } from "bun:test";
import { createApp } from "../../src/app.ts";
import { makePackage, type PackageDraft } from "../support/archive-maker.ts";
import { type Answer, Client, expectProblem, type Json, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases, overriding } from "../support/registry.ts";
import { withToken } from "../support/roles.ts";

/** How many times the database was read since the counter was reset. */
const reads = { count: 0 };

const ORIGIN = "https://registry-page.example";
const OPTIONS = {
  env: { READ_ACCESS: "authenticated", PUBLISH_LIMITS: "off", CORS_ORIGINS: ORIGIN },
  override: (deps: Parameters<typeof createApp>[0]) => ({
    db: overriding(deps.db, {
      read: (work) => {
        reads.count += 1;
        return deps.db.read(work);
      },
    }),
  }),
};

/** An answer without what differs between any two: request id, time, and requested name. */
function shownBy({ status, headers, text }: Answer, name: string) {
  const requestId = headers.get("x-request-id") ?? "";
  const others = [...headers].filter(([header]) => !["x-request-id", "date"].includes(header));
  return { status, headers: others, text: text.replaceAll(requestId, "ID").replaceAll(name, "NAME") };
}

onBothDatabases(
  "a private registry",
  (registry) => {
    let [alice, token]: Client[] = [];
    const as = (client: Client | undefined) => client as Client;
    const guest = () => new Client(registry().url);
    const key = makeKey();
    const publish = async (draft: Partial<PackageDraft> & { name: string }) => {
      const archive = makePackage({ version: "1.0.0", ...draft });
      expect((await as(alice).publish(draft.name, "1.0.0", archive, key)).status).toBe(201);
    };

    /**
     * The addresses of all reads of a package. They come from the list of routes, so that new
     * routes are included.
     */
    const readsOf = (name: string) =>
      createApp(registry().deps)
        .routes.filter(({ method, path }) => method === "GET" && path.startsWith("/api/packages/"))
        .flatMap(({ path }) => [path, path.replace("/api", "/api/v1")])
        .map((path) => path.replace(":name", name).replace(":version", "1.0.0").replace("*", "colony.yaml"));

    // Names of one length, so that the length of an answer is the same, too.
    const [HIDDEN, ABSENT, COVERED_ABSENT] = ["hidden", "absent", "mine-x"];

    beforeAll(async () => {
      alice = await newAccount(registry());
      for (const name of ["mine-a", "mine-b", "exact", "exact-2", "u_x", "uyx", HIDDEN]) {
        await publish({ name, description: `Frobnicates ${name}`, tags: ["shared"] });
      }
      for (let at = 0; at < 21; at += 1) await publish({ name: `gizmo-${String(at).padStart(2, "0")}` });
      await publish({ name: "gizmos-mine" });
      token = await withToken(as(alice), ["read"], ["mine-*", "exact", "u_*", "gizmos-*"]);
    });

    test("a private registry answers every read of a guest with 401, whether or not the package exists, and serves accounts", async () => {
      expect(readsOf(HIDDEN).length).toBeGreaterThanOrEqual(2 * 11);
      for (const path of [...readsOf(HIDDEN), "/api/packages"]) {
        const there = await guest().get(path);
        const missing = await guest().get(path.replace(HIDDEN, ABSENT));
        expect([path, there.status]).toEqual([path, 401]);
        expect(shownBy(there, HIDDEN)).toEqual(shownBy(missing, ABSENT));
        expect([path, (await guest().send("HEAD", path)).status]).toEqual([path, 401]);
        expect([path, (await as(alice).get(path)).status]).toEqual([path, 200]);
      }
    });

    test("a private registry shows a token the packages that it covers, with either header", async () => {
      const apiKey = { "x-api-key": as(token).token ?? "" };
      for (const path of [...readsOf("mine-a"), ...readsOf("exact")]) {
        for (const answer of [await as(token).get(path), await guest().get(path, apiKey)]) {
          expect([path, answer.status]).toEqual([path, 200]);
        }
      }
    });

    test("a private registry answers a token for packages that it does not cover as for missing ones, with one query", async () => {
      for (const path of readsOf(HIDDEN)) {
        const { headers } = await as(alice).get(path);
        const conditions = [{}, { "if-none-match": headers.get("etag") ?? "*" }, { range: "bytes=0-1" }] as const;
        for (const condition of conditions) {
          for (const method of ["GET", "HEAD"]) {
            const ask = async (name: string) => {
              reads.count = 0;
              const address = path.replace(HIDDEN, name);
              const answer = await as(token).send(method, address, undefined, condition);
              return { ...shownBy(answer, name), reads: reads.count };
            };
            const { reads: readsOfHidden, ...hidden } = await ask(HIDDEN);
            const { reads: readsOfAbsent, ...absent } = await ask(ABSENT);
            const { reads: readsOfCovered, ...covered } = await ask(COVERED_ABSENT);
            expect([path, hidden.status]).toEqual([path, 404]);
            expect(hidden).toEqual(absent);
            expect(hidden).toEqual(covered);
            expect([readsOfHidden, readsOfAbsent, readsOfCovered > 1]).toEqual([1, 1, true]);
          }
        }
      }
      expectProblem(await as(token).get(`/api/packages/${HIDDEN}`), 404, "package_not_found");
    });

    test("a private registry refuses a token without the read scope, whether or not the package exists", async () => {
      const writer = await withToken(as(alice), ["publish-new", "publish-update", "yank", "owners"]);
      for (const path of readsOf(HIDDEN)) {
        const there = await writer.get(path);
        expectProblem(there, 403, "insufficient_scope");
        expect(shownBy(there, HIDDEN)).toEqual(shownBy(await writer.get(path.replace(HIDDEN, ABSENT)), ABSENT));
      }
      expectProblem(await writer.get("/api/packages"), 403, "insufficient_scope");
    });

    test("in a private registry a token changes no package that it does not cover, and learns nothing by trying", async () => {
      const other = await withToken(as(alice), ["publish-new", "yank", "owners"], ["mine-*"]);
      const changes = [
        ["DELETE", "/1.0.0", { reason: "broken" }],
        ["POST", "/1.0.0", undefined],
        ["PUT", "/status", { status: "archived" }],
        ["PUT", `/owners/${as(alice).username}`, undefined],
        ["DELETE", `/owners/${as(alice).username}`, undefined],
      ] as const;
      for (const [method, part, body] of changes) {
        const ask = async (name: string) =>
          shownBy(await other.send(method, `/api/packages/${name}${part}`, body), name);
        const hidden = await ask(HIDDEN);
        expect([method, part, hidden.status]).toEqual([method, part, 403]);
        expect(hidden).toEqual(await ask(ABSENT));
      }
      const publishing = async (name: string) =>
        shownBy(await other.publish(name, "9.0.0", makePackage({ name, version: "9.0.0" }), key), name);
      const hidden = await publishing(HIDDEN);
      expect(hidden.status).toBe(403);
      expect(hidden).toEqual(await publishing(ABSENT));
    });

    const COVERED = ["exact", "gizmos-mine", "mine-a", "mine-b", "u_x"];
    const list = async (query: string, by = token) => (await as(by).get(`/api/packages${query}`)).body;
    const namesIn = ({ items }: Json): string[] => items.map(({ name }: Json) => name);

    test.each(["name", "downloads", "updated", "relevance"])(
      "a private registry lists by %s only packages that a token covers",
      async (sort) => {
        const body = await list(`?sort=${sort}&pageSize=100`);
        expect(namesIn(body).sort()).toEqual(COVERED);
        expect([body.total, body.totalPages]).toEqual([COVERED.length, 1]);
      },
    );

    test("a private registry counts and pages only packages that a token covers", async () => {
      const answer = await as(token).get("/api/packages?sort=name&pageSize=2&page=3");
      expect(answer.body).toMatchObject({ items: [{ name: "u_x" }], page: 3, total: 5, totalPages: 3 });
      expect(answer.headers.get("link")).not.toContain("page=4");
      expect(await list("?page=4&pageSize=2")).toMatchObject({ items: [], total: 5, totalPages: 3 });
    });

    test("a private registry searches only packages that a token covers, by words, parts of names, tags and authors", async () => {
      const covered = COVERED.filter((name) => name !== "gizmos-mine");
      for (const query of ["search=frobnicates", "tags=shared", "search=frob&tags=shared"]) {
        expect([query, namesIn(await list(`?${query}`)).sort()]).toEqual([query, covered]);
      }
      expect(namesIn(await list(`?author=${as(alice).username}`)).sort()).toEqual(COVERED);
      expect(namesIn(await list("?search=gizmo"))).toEqual(["gizmos-mine"]);
      for (const search of [HIDDEN, "hidde", "exact-2", "uyx"]) {
        const body = await list(`?search=${search}`);
        expect(namesIn(body).filter((name) => !COVERED.includes(name))).toEqual([]);
        expect(body.total).toBe(body.items.length);
      }
      expect(await list(`?search=${HIDDEN}`)).toMatchObject({ items: [], total: 0, totalPages: 0 });
    });

    test("a misspelled search in a private registry finds a package that the token covers, though others resemble it more", async () => {
      expect((await list("?search=gizmoo&pageSize=100", alice)).items).toHaveLength(20);
      expect(await list("?search=gizmoo")).toMatchObject({ items: [{ name: "gizmos-mine" }], total: 1, totalPages: 1 });
      expect(await list("?search=hiddenn")).toMatchObject({ items: [], total: 0, totalPages: 0 });
    });

    test("a private registry lists everything to accounts and to tokens for all packages", async () => {
      const all = await withToken(as(alice), ["read"]);
      const some = await withToken(as(alice), ["read"], ["mine-a", "*"]);
      const { total } = await list("", alice);
      expect(total).toBe(29);
      for (const reader of [all, some]) expect((await list("", reader)).total).toBe(total);
      expect((await list("", await withToken(as(alice), ["read"], ["not-there", "nor-*"]))).total).toBe(0);
    });

    test("responses of a private registry are neither stored nor mixed up by a shared cache", async () => {
      for (const path of [...readsOf("mine-a"), "/api/packages", "/api/packages/mine-a/latest/download"]) {
        const answer = await as(token).get(path, { origin: ORIGIN });
        const again = await as(token).get(path, { "if-none-match": answer.headers.get("etag") ?? "", origin: ORIGIN });
        expect([path, answer.status, again.status]).toEqual([path, 200, 304]);
        for (const { headers } of [answer, again]) {
          const caching = headers.get("cache-control") ?? "";
          expect([path, /\bprivate\b/.test(caching), /public/.test(caching)]).toEqual([path, true, false]);
          const vary = (headers.get("vary") ?? "").toLowerCase().split(/, */);
          const others = vary.filter((name) => name !== "accept-encoding");
          expect([path, ...others].sort()).toEqual([path, "authorization", "origin", "x-api-key"].sort());
        }
      }
      const { headers } = await as(alice).get("/api/packages/mine-a/1.0.0/download");
      expect(headers.get("cache-control")).toBe("private, max-age=31536000, immutable");
    });

    test("health probes and the API description of a private registry stay public", async () => {
      for (const path of ["/health", "/health/live", "/health/ready", "/swagger", "/swagger/json"]) {
        expect([path, (await guest().get(path)).status]).toEqual([path, 200]);
      }
    });
  },
  OPTIONS,
);

onBothDatabases("a public registry", (registry) => {
  test("a public registry gives everybody the same cacheable responses, whatever a token may read", async () => {
    const alice = await newAccount(registry());
    await alice.publish("open", "1.0.0", makePackage({ name: "open", version: "1.0.0" }), makeKey());
    const other = await withToken(alice, ["yank"], ["another"]);
    for (const reader of [new Client(registry().url), other]) {
      expect((await reader.get("/api/packages")).body.total).toBe(1);
      const { status, headers } = await reader.get("/api/packages/open/1.0.0/download");
      expect([status, headers.get("vary")]).toEqual([200, null]);
      expect(headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    }
  });
});
