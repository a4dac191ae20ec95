import { expect, test } from "bun:test";
import { Client, expectProblem, newAccount } from "../support/client.ts";
import { blocksUnder, inHome, publishHello } from "../support/documented-tasks.ts";

/* Runs the commands of docs/operations.md for accounts, takedowns and the audit log as they are written. */

const [FORGET = ""] = blocksUnder("Forget a person");
const [TAKE_DOWN = ""] = blocksUnder("Take a package down");

test(
  "the documented takedown answers 451 on the running server, and fsck misses nothing",
  () =>
    inHome(async ({ server, run }) => {
      await server.start();
      const alice = await newAccount(server, "alice");
      expect(await publishHello(alice, "0.1.0")).toBe(201);
      expect(run(TAKE_DOWN)).toContain("no problems");
      expectProblem(await new Client(server.url).get("/api/packages/hello/0.1.0"), 451, "taken_down");
    }),
  120_000,
);

test(
  "the documented command forgets a person and hands the packages over",
  () =>
    inHome(async ({ server, run }) => {
      await server.start();
      run("cpm-registry admin create ada");
      const alice = await newAccount(server, "alice");
      expect(await publishHello(alice, "0.1.0")).toBe(201);
      expect(run(FORGET.replaceAll("alice", alice.username))).toContain("(forgotten)");
      expect((await new Client(server.url).get("/api/packages/hello")).body.owners).toEqual(["ada"]);
    }),
  120_000,
);
