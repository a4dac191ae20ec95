import { expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, makeKey, newAccount, sha256, signMessage, statementOf } from "../support/client.ts";
import { onBothDatabases, TEST_PUBLIC_URL, tracesOf } from "../support/registry.ts";

onBothDatabases("publish", (registry) => {
  test("a first publish answers 201 with the version and makes the publisher the owner", async () => {
    const alice = await newAccount(registry());
    const key = makeKey();
    const archive = makePackage({ name: "first", version: "1.0.0", description: "A first one", tags: ["demo"] });
    const answer = await alice.publish("first", "1.0.0", archive, key);
    expect(answer.status).toBe(201);
    expect(answer.headers.get("location")).toBe(`${TEST_PUBLIC_URL}/api/packages/first/1.0.0`);
    expect(answer.body).toMatchObject({
      name: "first",
      version: "1.0.0",
      description: "A first one",
      sha256: sha256(archive),
      size: archive.length,
      publishedBy: alice.username,
      yanked: false,
      yankReason: null,
      signature: { scheme: "cpm-v1", publicKey: key.publicHex },
      logIndex: 0,
      tags: ["demo"],
      downloads: 0,
      downloadUrl: `${TEST_PUBLIC_URL}/api/packages/first/1.0.0/download`,
    });
    const shown = await alice.get("/api/packages/first");
    expect(shown.body.owners).toEqual([alice.username]);
  });

  test("all four signature schemes are accepted, whether the form names them or not", async () => {
    const alice = await newAccount(registry());
    const key = makeKey();
    const schemes = {
      "cpm-v1": (name: string, archive: Uint8Array) => statementOf(name, "1.0.0", archive),
      "ed25519-sha256": (_: string, archive: Uint8Array) => Buffer.from(sha256(archive), "hex"),
      "ed25519-sha256-hex": (_: string, archive: Uint8Array) => sha256(archive),
      "ed25519-archive": (_: string, archive: Uint8Array) => archive,
    };
    for (const [scheme, message] of Object.entries(schemes)) {
      for (const named of [true, false]) {
        const name = `scheme-${scheme}-${named}`;
        const archive = makePackage({ name, version: "1.0.0" });
        const signature = signMessage(key, message(name, archive));
        const fields = { archive, signature, publicKey: key.publicHex, ...(named ? { signatureScheme: scheme } : {}) };
        const answer = await alice.publishFields(fields);
        expect([answer.status, answer.body?.signature?.scheme]).toEqual([201, scheme]);
      }
    }
  });

  test("a repeat with the same bytes and key answers 200, one with other bytes 409, and nothing changes", async () => {
    const alice = await newAccount(registry());
    const key = makeKey();
    const archive = makePackage({ name: "again", version: "1.0.0" });
    const first = await alice.publish("again", "1.0.0", archive, key);
    const before = await tracesOf(registry());
    const second = await alice.publish("again", "1.0.0", archive, key);
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.body).toEqual(first.body);
    const other = await alice.publish(
      "again",
      "1.0.0",
      makePackage({ name: "again", version: "1.0.0", readme: "x" }),
      key,
    );
    expect([other.status, other.body.code]).toEqual([409, "version_exists"]);
    const otherKey = await alice.publish("again", "1.0.0", archive, makeKey());
    expect([otherKey.status, otherKey.body.code]).toEqual([409, "version_exists"]);
    expect(await tracesOf(registry())).toEqual(before);
  });

  test("fifty simultaneous publishes of one version give one winner, and every loser gets 409", async () => {
    const alice = await newAccount(registry());
    const key = makeKey();
    const racers = Array.from({ length: 50 }, (_, racer) =>
      makePackage({ name: "race", version: "1.0.0", readme: `racer ${racer}` }),
    );
    const answers = await Promise.all(racers.map((archive) => alice.publish("race", "1.0.0", archive, key)));
    const created = answers.filter(({ status }) => status === 201);
    expect(created).toHaveLength(1);
    expect(answers.filter(({ body }) => body.code === "version_exists")).toHaveLength(49);
    const stored = await alice.get("/api/packages/race/1.0.0");
    expect(stored.body.sha256).toBe(created[0]?.body.sha256);
  });

  test("simultaneous publishes of different versions of one package all succeed, and the highest is latest", async () => {
    const alice = await newAccount(registry());
    const key = makeKey();
    await alice.publish("many", "0.1.0", makePackage({ name: "many", version: "0.1.0" }), key);
    const versions = Array.from({ length: 20 }, (_, minor) => `1.${minor}.0`);
    const answers = await Promise.all(
      versions.map((version) => alice.publish("many", version, makePackage({ name: "many", version }), key)),
    );
    expect(answers.map(({ status }) => status)).toEqual(versions.map(() => 201));
    const shown = await alice.get("/api/packages/many");
    expect(shown.body.latest).toBe("1.19.0");
    expect(shown.body.versions).toHaveLength(21);
  });

  test("a publisher who is not an owner gets 403, for a new version and for the same bytes", async () => {
    const alice = await newAccount(registry());
    const mallory = await newAccount(registry());
    const key = makeKey();
    const archive = makePackage({ name: "owned", version: "1.0.0" });
    await alice.publish("owned", "1.0.0", archive, key);
    const next = await mallory.publish("owned", "1.0.1", makePackage({ name: "owned", version: "1.0.1" }), makeKey());
    expect([next.status, next.body.code]).toEqual([403, "not_an_owner"]);
    const same = await mallory.publish("owned", "1.0.0", archive, key);
    expect([same.status, same.body.code]).toEqual([403, "not_an_owner"]);
  });

  test("names that differ only in separators are one name", async () => {
    const alice = await newAccount(registry());
    const key = makeKey();
    await alice.publish("my-fold.name", "1.0.0", makePackage({ name: "my-fold.name", version: "1.0.0" }), key);
    const close = await alice.publish(
      "my_fold-name",
      "1.0.0",
      makePackage({ name: "my_fold-name", version: "1.0.0" }),
      key,
    );
    expect([close.status, close.body.code]).toEqual([409, "name_taken"]);
    expect(close.body.detail).toContain("my-fold.name");
  });

  test("a version that differs only in build metadata is the same version", async () => {
    const alice = await newAccount(registry());
    const key = makeKey();
    const published = await alice.publish("build", "1.0.0+a", makePackage({ name: "build", version: "1.0.0+a" }), key);
    expect([published.status, published.body.version]).toEqual([201, "1.0.0+a"]);
    const other = await alice.publish("build", "1.0.0+b", makePackage({ name: "build", version: "1.0.0+b" }), key);
    expect([other.status, other.body.code]).toEqual([409, "version_exists"]);
    for (const asked of ["1.0.0", "1.0.0+a", "1.0.0%2Ba", "latest"]) {
      expect((await alice.get(`/api/packages/build/${asked}`)).body.version).toBe("1.0.0+a");
    }
  });

  test("the key may be in colony.yaml alone, and a form with another key is refused", async () => {
    const alice = await newAccount(registry());
    const key = makeKey();
    const archive = makePackage({ name: "keyed", version: "1.0.0", publicKey: key.publicHex });
    const signature = signMessage(key, statementOf("keyed", "1.0.0", archive));
    const two = await alice.publishFields({ archive, signature, publicKey: makeKey().publicHex });
    expect([two.status, two.body.code]).toEqual([400, "signature_invalid"]);
    const one = await alice.publishFields({ archive, signature });
    expect([one.status, one.body.signature.publicKey]).toEqual([201, key.publicHex]);
  });

  test("dryRun checks everything and stores nothing", async () => {
    const alice = await newAccount(registry());
    const key = makeKey();
    const archive = makePackage({ name: "dry", version: "1.0.0" });
    const before = await tracesOf(registry());
    const signature = signMessage(key, statementOf("dry", "1.0.0", archive));
    const good = await alice.publishFields({ archive, signature, publicKey: key.publicHex }, "?dryRun=true");
    expect([good.status, good.body.version]).toEqual([200, "1.0.0"]);
    const bad = await alice.publishFields({ archive, signature, publicKey: makeKey().publicHex }, "?dryRun=true");
    expect(bad.body.code).toBe("signature_invalid");
    expect(await tracesOf(registry())).toEqual(before);
  });

  test.each([
    "dryrun=true",
    "dryRun=true&dryRun=true",
    "dryRun=false&dryRun=true",
    "dry_run=1",
    "dryRun=true&x=y",
    "=",
    "dryRun[]=true",
  ])("a publish with the mistyped query ?%s is refused and stores nothing", async (query) => {
    const alice = await newAccount(registry());
    const key = makeKey();
    const archive = makePackage({ name: "meant-dry", version: "1.0.0" });
    const signature = signMessage(key, statementOf("meant-dry", "1.0.0", archive));
    const before = await tracesOf(registry());
    const answer = await alice.publishFields({ archive, signature, publicKey: key.publicHex }, `?${query}`);
    expectProblem(answer, 422, "validation_failed");
    expect(await tracesOf(registry())).toEqual(before);
  });

  test("an empty publicKey in colony.yaml names no key", async () => {
    const alice = await newAccount(registry());
    const key = makeKey();
    const manifest = (name: string) => `name: ${name}\nversion: 1.0.0\npublicKey: ""\n`;
    const archive = makePackage({ name: "blank", version: "1.0.0", manifest: manifest("blank") });
    const published = await alice.publish("blank", "1.0.0", archive, key);
    expect([published.status, published.body.signature?.publicKey]).toEqual([201, key.publicHex]);
    const signature = signMessage(key, statementOf("blank", "1.0.0", archive));
    expectProblem(await alice.publishFields({ archive, signature }), 422, "validation_failed");
  });

  test("a publish without a session is refused before its body is read", async () => {
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        sent += 1;
        controller.enqueue(new Uint8Array(65_536));
        if (sent === 800) controller.close();
        // Gives the server its turn between chunks.
        await Bun.sleep(0);
      },
    });
    const headers = { "content-type": "multipart/form-data; boundary=x" };
    const answer = await new Client(registry().url).post("/api/packages", body, headers);
    expect([answer.status, answer.body.code]).toEqual([401, "unauthenticated"]);
  });
});
