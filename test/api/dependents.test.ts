import { beforeAll, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, type Json, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";
import { withToken } from "../support/roles.ts";

const namesOf = ({ items }: Json): string[] => items.map(({ name }: Json) => name);

for (const access of ["public", "authenticated"]) {
  onBothDatabases(
    `dependents of a package, reads are ${access}`,
    (registry) => {
      let owner: Client;
      const key = makeKey();
      const publish = async (name: string, version: string, ...dependencies: string[]) => {
        const draft = { name, version, dependencies: dependencies.map((on) => ({ name: on, version: "^1.0.0" })) };
        expect((await owner.publish(name, version, makePackage(draft), key)).status).toBe(201);
      };
      const dependents = async (name: string, query = "") => {
        const answer = await owner.get(`/api/packages/${name}/dependents${query}`);
        expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
        return answer.body;
      };

      beforeAll(async () => {
        owner = await newAccount(registry());
        await publish("base", "1.0.0");
        await publish("my_lib", "1.0.0");
      });

      test("packages are dependents by their latest version only", async () => {
        await publish("one", "1.0.0", "base", "my-lib", "Not A Package", "base");
        await publish("two", "1.0.0", "base");
        await publish("three", "0.1.0-beta.1", "base");
        expect(namesOf(await dependents("base"))).toEqual(["one", "two", "three"]);
        expect(namesOf(await dependents("my_lib"))).toEqual(["one"]);
        expect(namesOf(await dependents("one"))).toEqual([]);
        await publish("two", "2.0.0", "my_lib");
        await publish("one", "0.9.0", "two");
        expect(namesOf(await dependents("base"))).toEqual(["one", "three"]);
        expect(namesOf(await dependents("my_lib"))).toEqual(["one", "two"]);
        expect(namesOf(await dependents("two"))).toEqual([]);
        const item = (await dependents("my_lib")).items[1];
        expect(item).toMatchObject({ name: "two", latest: "2.0.0", owners: [owner.username] });
      });

      test("a yank takes a dependent away, and its undoing brings it back", async () => {
        const path = "/api/packages/three/0.1.0-beta.1";
        await owner.send("DELETE", path, {});
        expect(namesOf(await dependents("base"))).toEqual(["one"]);
        await owner.post(path);
        expect(namesOf(await dependents("base"))).toEqual(["one", "three"]);
      });

      test("pages by cursor neither skip nor repeat while packages come and go", async () => {
        for (let at = 0; at < 9; at += 1) await publish(`page-${at}`, "1.0.0", "paged");
        await publish("paged", "1.0.0");
        const first = await dependents("paged", "?pageSize=4");
        await owner.send("DELETE", "/api/packages/page-2/1.0.0", {});
        await publish("page-9", "1.0.0", "paged");
        const second = await dependents("paged", `?pageSize=4&cursor=${first.nextCursor}`);
        const third = await dependents("paged", `?pageSize=4&cursor=${second.nextCursor}`);
        expect([first, second, third].flatMap(namesOf)).toEqual(Array.from({ length: 10 }, (_, at) => `page-${at}`));
        expect(third.nextCursor).toBeNull();
      });

      test("an unknown package and a wrong cursor are refused, an unchanged answer costs nothing", async () => {
        expectProblem(await owner.get("/api/packages/none/dependents"), 404, "package_not_found");
        for (const query of ["?cursor=x", "?cursor=-1", "?pageSize=0", "?pageSize=101"]) {
          expectProblem(await owner.get(`/api/packages/base/dependents${query}`), 422, "validation_failed");
        }
        const etag = (await owner.get("/api/packages/base/dependents")).headers.get("etag") ?? "";
        expect((await owner.get("/api/packages/base/dependents", { "if-none-match": etag })).status).toBe(304);
      });

      if (access === "authenticated") {
        test("a token sees only the dependents that it covers, and a guest nothing", async () => {
          const token = await withToken(owner, ["read"], ["base", "thr*"]);
          expect(namesOf((await token.get("/api/packages/base/dependents")).body)).toEqual(["three"]);
          expectProblem(await token.get("/api/packages/one/dependents"), 404, "package_not_found");
          expectProblem(await new Client(owner.base).get("/api/packages/base/dependents"), 401, "unauthenticated");
        });
      }
    },
    { env: { READ_ACCESS: access, PUBLISH_LIMITS: "off" } },
  );
}
