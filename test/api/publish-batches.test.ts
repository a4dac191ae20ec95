import { beforeEach, expect, test } from "bun:test";
import { type SQL, sql } from "drizzle-orm";
import { parseDigest } from "../../src/domain/digest.ts";
import { failure } from "../../src/errors.ts";
import { beginRemovals, endRemovals } from "../../src/packages/blob-removals.ts";
import { PublishBatcher } from "../../src/publish/batcher.ts";
import type { Registry as Deps } from "../../src/start/open-deps.ts";
import { parseCheckpoint } from "../../src/tlog/checkpoint.ts";
import { leafHash, verifyInclusion } from "../../src/tlog/merkle.ts";
import { verifyNote } from "../../src/tlog/note.ts";
import { parseProof } from "../../src/tlog/proof.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Answer, Client, expectProblem, makeKey, newAccount, PASSWORD, sha256 } from "../support/client.ts";
import { onBothDatabases, overriding } from "../support/registry.ts";
import { eventsAreFinal } from "../support/roles.ts";
import { waitUntil } from "../support/wait-until.ts";

/*
 * The batcher here lets publishes wait until a test releases them at once, so that they share a
 * transaction.
 */

const VERSIONS_PER_HOUR = 26;

const held: (() => void)[] = [];
let holds = false;
let publishBatcher = new PublishBatcher();
/**
 * What happens to the next transaction: it fails in an unexpected way, or begins after its caller
 * gave it up.
 */
let next: "breaks" | "is late" | undefined;

const batcher: Deps["batcher"] = {
  record: async (deps, pending) => {
    if (holds) await new Promise<void>((go) => held.push(go));
    return publishBatcher.record(deps, pending);
  },
};

function override(deps: Deps): Partial<Deps> {
  const write: Deps["db"]["write"] = (work) => {
    const fate = next;
    next = undefined;
    if (fate === undefined) return deps.db.write(work);
    if (fate === "breaks") {
      return deps.db.write(async (session) => {
        await work(session);
        throw new Error("broken by the test");
      });
    }
    begins = () => void deps.db.write(work).catch(() => undefined);
    return Promise.reject(failure({ code: "database_unavailable", retryAfterSeconds: 1 }));
  };
  return { batcher, db: overriding(deps.db, { write }) };
}

/** Begins the late transaction. */
let begins = () => {};

onBothDatabases(
  "publishes on the fast path that come at the same time",
  (registry) => {
    const key = makeKey();
    let alice: Client;
    const publish = (name: string, version: string, by = alice, files = {}) =>
      by.publish(name, version, makePackage({ name, version, files }), key);
    /** Publishes the first versions, so that the next ones are on the fast path. */
    const begin = async (...names: string[]) => {
      for (const name of names) expect((await publish(name, "1.0.0")).status).toBe(201);
    };
    /**
     * Starts publishes. When all have come to the batcher, runs `meanwhile` and releases them at
     * once.
     */
    const together = async (starts: (() => Promise<Answer>)[], meanwhile = async () => {}) => {
      holds = true;
      const running = starts.map((start) => start());
      await waitUntil(() => held.length === starts.length, `${starts.length} publishes come to their transaction`);
      holds = false;
      await meanwhile();
      for (const go of held.splice(0)) go();
      return Promise.all(running);
    };

    beforeEach(async () => {
      publishBatcher = new PublishBatcher();
      alice = await newAccount(registry());
    });

    test("are recorded under one checkpoint, which proves each of them", async () => {
      const names = Array.from({ length: 12 }, (_, at) => `joint-${at}`);
      await begin(...names);
      const answers = await together(names.map((name) => () => publish(name, "1.1.0")));
      expect(answers.map(({ status }) => status)).toEqual(names.map(() => 201));
      const proofs = answers.map(({ body }) => parseProof(body.proof));
      expect(new Set(proofs.map((proof) => proof?.checkpoint)).size).toBe(1);
      const vkey = registry().deps.log.verifier;
      const tree = parseCheckpoint(verifyNote(proofs[0]?.checkpoint ?? "", [vkey])?.text ?? "");
      if (tree === undefined) throw new Error("No checkpoint of this log");
      const proved = proofs.map((proof) => {
        const leaf = leafHash(proof?.extra ?? Buffer.alloc(0));
        return proof && verifyInclusion(proof.hashes, proof.index, leaf, tree.size, tree.root);
      });
      expect(proved).toEqual(names.map(() => true));
      const indexes = answers.map(({ body }) => body.logIndex).sort((a, b) => a - b);
      expect(indexes).toEqual(names.map((_, at) => tree.size - names.length + at));
      for (const [at, name] of names.entries()) {
        expect(Buffer.from(proofs[at]?.extra ?? "").toString()).toStartWith(`cpm.version/v1 ${name} 1.1.0\n`);
        const { body } = await alice.get(`/api/packages/${name}`);
        expect([body.latest, body.versions.map((one: { logIndex: number }) => one.logIndex)[0]]).toEqual([
          "1.1.0",
          answers[at]?.body.logIndex,
        ]);
        expect((await alice.get(`/api/packages/${name}/1.1.0/readme`)).status).toBe(200);
      }
      await eventsAreFinal(registry());
      const { body } = await alice.get("/api/packages/joint-3/events");
      expect(body.items.filter((one: { kind: string }) => one.kind === "version.published").length).toBe(2);
    });

    test("fail one by one: a refused member of a batch does not fail the others", async () => {
      const names = ["apart-fine", "apart-ended", "apart-archived", "apart-raced", "apart-also-fine"] as const;
      await begin(...names);
      const ending = await newSession(alice);
      const answers = await together(
        names.map((name) => () => publish(name, "2.0.0", name === "apart-ended" ? ending : alice)),
        async () => {
          expect((await ending.post("/api/auth/logout")).status).toBe(204);
          expect((await alice.send("PUT", "/api/packages/apart-archived/status", { status: "archived" })).status).toBe(
            200,
          );
          expect((await publish("apart-raced", "2.0.0", alice, { "other.txt": "other" })).status).toBe(201);
        },
      );
      const [fine, ended, archived, raced, alsoFine] = answers;
      expect([fine?.status, alsoFine?.status]).toEqual([201, 201]);
      if (ended === undefined || archived === undefined || raced === undefined) throw new Error("No answers");
      expectProblem(ended, 401, "unauthenticated");
      expectProblem(archived, 403, "package_archived");
      expectProblem(raced, 409, "version_exists");
      expect((await alice.get("/api/packages/apart-ended")).body.latest).toBe("1.0.0");
    });

    test("are recorded one after the other where they are of one package", async () => {
      await begin("same-package");
      const publishes = ["1.1.0", "1.2.0", "1.2.0", "1.3.0"].map((version) => () => publish("same-package", version));
      const answers = await together(publishes);
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 201, 201, 201]);
      const { body } = await alice.get("/api/packages/same-package");
      expect(body.versions.map(({ version }: { version: string }) => version)).toEqual([
        "1.3.0",
        "1.2.0",
        "1.1.0",
        "1.0.0",
      ]);
    });

    test("share the quota of their account", async () => {
      const names = Array.from({ length: 8 }, (_, at) => `shared-${at}`);
      await begin(...names);
      for (let patch = 1; patch <= VERSIONS_PER_HOUR - names.length - 6; patch += 1) {
        expect((await publish("shared-0", `1.0.${patch}`)).status).toBe(201);
      }
      const answers = await together(names.map((name) => () => publish(name, "3.0.0")));
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 201, 201, 201, 201, 429, 429]);
      const remaining = answers.map(({ headers }) => /"versions";r=(\d+)/.exec(headers.get("ratelimit") ?? "")?.[1]);
      expect(remaining.sort()).toEqual(["0", "0", "0", "1", "2", "3", "4", "5"]);
    });

    test("are recorded in several batches where their texts are long", async () => {
      const names = ["wordy-1", "wordy-2", "wordy-3"];
      await begin(...names);
      const readme = { "README.md": "many words ".repeat(55_000) };
      const answers = await together(names.map((name) => () => publish(name, "1.1.0", alice, readme)));
      expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
      expect(new Set(answers.map(({ body }) => parseProof(body.proof)?.checkpoint)).size).toBe(3);
      expect((await alice.get("/api/packages/wordy-2/1.1.0/readme")).text).toBe(readme["README.md"]);
    });

    test("are recorded alone when the transaction of their batch fails", async () => {
      const names = ["broken-1", "broken-2", "broken-3"];
      await begin(...names);
      const answers = await together(
        names.map((name) => () => publish(name, "1.1.0")),
        async () => {
          next = "breaks";
        },
      );
      expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
      expect(next).toBeUndefined();
      expect(new Set(answers.map(({ body }) => parseProof(body.proof)?.checkpoint)).size).toBe(3);
    });

    test("are recorded alone where they bring a package back to the lists", async () => {
      await begin("unlisted-1", "unlisted-2", "unlisted-3");
      expect((await alice.send("DELETE", "/api/packages/unlisted-2/1.0.0")).status).toBe(200);
      const names = ["unlisted-1", "unlisted-2", "unlisted-3"];
      const answers = await together(names.map((name) => () => publish(name, "1.1.0")));
      const [first, unlisted, third] = answers.map(({ body }) => parseProof(body.proof)?.checkpoint);
      expect([first === third, first === unlisted, unlisted === undefined]).toEqual([true, false, false]);
      const { body } = await alice.get("/api/packages?search=unlisted");
      expect(body.items.map((one: { name: string }) => one.name).sort()).toEqual(names);
    });

    test("move their packages in lists and change nothing else where no version is the latest", async () => {
      const names = ["lifted-1", "lifted-2", "lifted-3"];
      await begin(...names);
      const before = await Promise.all(names.map(async (name) => (await alice.get(`/api/packages/${name}`)).body));
      const now = new Date(Date.now() + 60_000);
      registry().now = now;
      const answers = await together(names.map((name) => () => publish(name, "0.9.0")));
      registry().now = undefined;
      expect(new Set(answers.map(({ body }) => parseProof(body.proof)?.checkpoint)).size).toBe(1);
      for (const [at, name] of names.entries()) {
        const { versions, ...summary } = (await alice.get(`/api/packages/${name}`)).body;
        expect(versions.length).toBe(2);
        const { versions: _, ...was } = before[at];
        expect(summary).toEqual({ ...was, updatedAt: now.toISOString() });
      }
    });

    test("put their archives again where gc removed these before the versions were recorded", async () => {
      const names = ["swept-1", "swept-2", "swept-3"] as const;
      await begin(...names);
      const archives = names.map((name) => makePackage({ name, version: "1.1.0" }));
      const { blobs, clock, db } = registry().deps;
      const swept = parseDigest(sha256(archives[1] ?? Buffer.alloc(0)));
      if (swept === undefined) throw new Error("No digest");
      const starts = names.map((name, at) => () => alice.publish(name, "1.1.0", archives[at] ?? Buffer.alloc(0), key));
      const answers = await together(starts, async () => {
        const at = clock();
        expect(await db.write((session) => beginRemovals(session, db.kind, [swept], at))).toEqual([swept]);
        await blobs.remove(swept);
        await db.write((session) => endRemovals(session, [swept], at, clock()));
      });
      expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
      for (const name of names) expect((await alice.get(`/api/packages/${name}/1.1.0/download`)).status).toBe(200);
    });

    test("are not recorded by a transaction that begins after their clients got database_unavailable", async () => {
      await begin("late-1", "late-2", "late-3");
      const [refused] = await together([() => publish("late-1", "1.1.0")], async () => {
        next = "is late";
      });
      expect([refused?.status, refused?.body.code]).toEqual([503, "database_unavailable"]);
      const starts = ["late-2", "late-3"].map((name) => () => publish(name, "1.1.0"));
      const answers = await together(starts, async () => begins());
      expect(answers.map(({ status }) => status)).toEqual([201, 201]);
      expect((await publish("late-1", "1.1.0")).status).toBe(201);
    });

    /**
     * Publishes two versions in a batch while another transaction locks the first, and returns in
     * which order they ended.
     */
    const whileHeld = async (lock: SQL, first: [name: string, by: Client], second: typeof first) => {
      // On SQLite a writer locks the whole database, and nothing locks a single row.
      const holds = registry().kind === "postgres";
      const free = Promise.withResolvers<void>();
      const isLocked = Promise.withResolvers<void>();
      const locking = registry().deps.db.write(async (session) => {
        if (holds) await session.rows(lock);
        isLocked.resolve();
        if (holds) await free.promise;
      });
      await isLocked.promise;
      const ended: string[] = [];
      const starts = [first, second].map(([name, by]) => async () => {
        const answer = await publish(name, "1.1.0", by);
        ended.push(name);
        if (name === second[0]) free.resolve();
        return answer;
      });
      const answers = await together(starts);
      await locking;
      expect(answers.map(({ status }) => status)).toEqual([201, 201]);
      const [held, passed] = answers.map(({ body }) => parseProof(body.proof)?.checkpoint);
      expect(held === passed).toBe(!holds);
      return holds ? ended : ended.sort().reverse();
    };

    test("do not wait for an account that another transaction has locked", async () => {
      const bob = await newAccount(registry());
      await begin("held-1");
      expect((await publish("held-2", "1.0.0", bob)).status).toBe(201);
      const lock = sql`SELECT id FROM users WHERE username = ${alice.username} FOR NO KEY UPDATE`;
      expect(await whileHeld(lock, ["held-1", alice], ["held-2", bob])).toEqual(["held-2", "held-1"]);
    });

    test("do not wait for a package that another transaction has locked", async () => {
      await begin("locked-1", "locked-2");
      const lock = sql`SELECT id FROM packages WHERE name = 'locked-1' FOR UPDATE`;
      expect(await whileHeld(lock, ["locked-1", alice], ["locked-2", alice])).toEqual(["locked-2", "locked-1"]);
    });
  },
  { override, env: { PUBLISH_NEW_NAMES_PER_HOUR: "100", PUBLISH_VERSIONS_PER_HOUR: String(VERSIONS_PER_HOUR) } },
);

async function newSession(account: Client): Promise<Client> {
  const { body } = await account.post("/api/auth/login", { username: account.username, password: PASSWORD });
  return new Client(account.base, body.token, account.username);
}
