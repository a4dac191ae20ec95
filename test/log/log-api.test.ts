import { beforeAll, describe, expect, test } from "bun:test";
import { parseCheckpoint } from "../../src/tlog/checkpoint.ts";
import { leafHash, verifyConsistency, verifyInclusion } from "../../src/tlog/merkle.ts";
import { parseSignerKey, parseVerifierKey, type VerifierKey, verifyNote } from "../../src/tlog/note.ts";
import { parseProof } from "../../src/tlog/proof.ts";
import { decodeBundle } from "../../src/tlog/tile.ts";
import { makePackage } from "../support/archive-maker.ts";
import {
  type Answer,
  Client,
  expectProblem,
  makeKey,
  newAccount,
  sha256,
  signMessage,
  statementOf,
} from "../support/client.ts";
import { onBothDatabases, TEST_LOG_KEY } from "../support/registry.ts";
import { withToken } from "../support/roles.ts";

onBothDatabases("the log", (registry) => {
  const key = makeKey();
  let alice: Client;
  let guest: Client;
  let vkey: VerifierKey;

  const checkpoint = async () => {
    const { text } = await guest.get("/log/checkpoint");
    const found = parseCheckpoint(verifyNote(text, [vkey])?.text ?? "");
    if (found === undefined) throw new Error(`no checkpoint of this log: ${text}`);
    return found;
  };
  const publish = async (name: string, version: string) => {
    const archive = makePackage({ name, version });
    return { archive, answer: await alice.publish(name, version, archive, key) };
  };
  const bundle = async (path: string) => {
    const response = await fetch(`${registry().url}/log/tile/entries/${path}`);
    return decodeBundle(new Uint8Array(await response.arrayBuffer()))?.map((leaf) => Buffer.from(leaf).toString());
  };
  const expectProved = (answer: Answer, text: string, leaf: string) => {
    const proof = parseProof(text);
    if (proof === undefined) throw new Error(`no proof: ${text}`);
    const tree = parseCheckpoint(verifyNote(proof.checkpoint, [vkey])?.text ?? "");
    if (tree === undefined) throw new Error(`no checkpoint of this log: ${proof.checkpoint}`);
    expect(proof.index).toBe(answer.body.logIndex);
    expect(verifyInclusion(proof.hashes, proof.index, leafHash(Buffer.from(leaf)), tree.size, tree.root)).toBe(true);
  };

  beforeAll(async () => {
    guest = new Client(registry().url);
    alice = await newAccount(registry(), "logged");
    const served = parseVerifierKey((await guest.get("/log/vkey")).text.trim());
    if (served === undefined) throw new Error("no verifier key");
    vkey = served;
  });

  test("the log is signed by the configured key under its origin", async () => {
    expect(vkey.publicKey.equals(parseSignerKey(TEST_LOG_KEY)?.publicKey ?? Buffer.alloc(0))).toBe(true);
    expect(await checkpoint()).toMatchObject({ origin: "registry.test/log", size: 0 });
  });

  test("the log has each version as a leaf of docs/log-format.md, proved in the publish response and later", async () => {
    for (const [at, version] of ["1.0.0", "1.1.0", "1.2.0"].entries()) {
      const { archive, answer } = await publish("proved", version);
      const { signature, publishedAt } = answer.body;
      expect(signature.value).toBe(signMessage(key, statementOf("proved", version, archive)));
      const leaf =
        `cpm.version/v1 proved ${version}\nsha256 ${sha256(archive)}\nsize ${archive.length}\n` +
        `signer ed25519 ${key.publicHex}\nsignature cpm-v1 ${signature.value}\n` +
        `published ${publishedAt.replace(/\.\d+Z$/, "Z")}\n`;
      expect([answer.status, answer.body.logIndex]).toEqual([201, at]);
      expect((await bundle(`000.p/${at + 1}`))?.at(-1)).toBe(leaf);
      expectProved(answer, answer.body.proof, leaf);
      const shown = await guest.get(`/api/packages/proved/${version}`);
      expectProved(shown, (await guest.get(`/api/packages/proved/${version}/proof`)).text, leaf);
      expect(shown.body.proofUrl).toEndWith(`/api/packages/proved/${version}/proof`);
    }
    const again = await publish("proved", "1.0.0");
    expect([again.answer.status, (await checkpoint()).size]).toEqual([200, 3]);
    expect(parseProof(again.answer.body.proof)?.index).toBe(0);
  });

  test("the log has yanks and unyanks, and no leaf for a repetition, a dry run or a refusal", async () => {
    const { size } = await checkpoint();
    const path = "/api/packages/proved/1.0.0";
    await alice.send("DELETE", path, { reason: "broken" });
    await alice.send("DELETE", path, { reason: "security" });
    await alice.post(path);
    await alice.post(path);
    await alice.send("DELETE", path);
    const dry = await alice.publishFields(
      { archive: makePackage({ name: "dry", version: "1.0.0" }), signature: "x" },
      "?dryRun=true",
    );
    expect(dry.status).toBe(422);
    expect((await checkpoint()).size).toBe(size + 3);
    const leaves = (await bundle(`000.p/${size + 3}`))?.slice(size);
    const lines = ["1 yank", "2 unyank", "3 yank"];
    expect(leaves).toEqual(lines.map((line) => `cpm.yank/v1 proved 1.0.0 ${line}\nby ${alice.username}\n`));
  });

  test("the log proves consistency between any two of its sizes, and refuses other sizes", async () => {
    const sizes: { size: number; root: Buffer }[] = [];
    for (const version of ["2.0.0", "2.1.0", "2.2.0", "2.3.0"]) {
      await publish("grown", version);
      sizes.push(await checkpoint());
    }
    for (const from of sizes) {
      for (const to of sizes.filter(({ size }) => size >= from.size)) {
        const { body } = await guest.get(`/api/log/consistency?from=${from.size}&to=${to.size}`);
        const proof = body.proof.map((hash: string) => Buffer.from(hash, "base64"));
        expect(verifyConsistency(proof, from.size, from.root, to.size, to.root)).toBe(true);
      }
    }
    const last = sizes.at(-1)?.size ?? 0;
    expect((await guest.get("/api/log/consistency")).body).toEqual({ from: 0, to: last, proof: [] });
    for (const query of [`from=0&to=${last + 1}`, `from=${last}&to=1`, "from=x&to=1", "from=-1"]) {
      expectProblem(await guest.get(`/api/log/consistency?${query}`), 422, "validation_failed");
    }
  });

  describe("tiles", () => {
    test("a tile is immutable, and there is none beyond the log", async () => {
      const { size } = await checkpoint();
      for (const path of [`0/000.p/${size}`, `entries/000.p/${size}`, "0/000.p/1"]) {
        const { status, headers } = await guest.get(`/log/tile/${path}`);
        expect([path, status, headers.get("content-type")]).toEqual([path, 200, "application/octet-stream"]);
        expect(headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
      }
      const missing = [`0/000.p/${size + 1}`, "0/000", "1/000.p/1", "entries/001", "0/0", "x", "0/000.p/0", "64/000"];
      for (const path of missing) expectProblem(await guest.get(`/log/tile/${path}`), 404, "tile_not_found");
    });

    test("the checkpoint is never served stale", async () => {
      const first = await guest.get("/log/checkpoint");
      expect([first.headers.get("cache-control"), first.headers.get("content-type")]).toEqual([
        "no-cache",
        "text/plain; charset=utf-8",
      ]);
      const etag = first.headers.get("etag") ?? "";
      expect((await guest.get("/log/checkpoint", { "if-none-match": etag })).status).toBe(304);
    });
  });

  test("concurrent publishes of many clients make one log", async () => {
    const before = await checkpoint();
    const names = Array.from({ length: 24 }, (_, at) => `racer-${at}`);
    const answers = await Promise.all(names.map((name) => publish(name, "1.0.0")));
    expect(answers.map(({ answer }) => answer.status)).toEqual(names.map(() => 201));
    const indexes = answers.map(({ answer }) => answer.body.logIndex).sort((a, b) => a - b);
    expect(indexes).toEqual(names.map((_, at) => before.size + at));
    expect((await checkpoint()).size).toBe(before.size + names.length);
  });
});

onBothDatabases(
  "the log of a private registry",
  (registry) => {
    test("the log of a private registry is readable only with a token for all packages", async () => {
      const alice = await newAccount(registry(), "private");
      const all = await withToken(alice, ["read"]);
      const some = await withToken(alice, ["read"], ["mine-*"]);
      const writer = await withToken(alice, ["publish-new"]);
      for (const path of ["/log/checkpoint", "/log/vkey", "/log/tile/0/000", "/api/log/consistency?from=0&to=0"]) {
        expectProblem(await new Client(registry().url).get(path), 401, "unauthenticated");
        expectProblem(await some.get(path), 403, "insufficient_scope");
        expectProblem(await writer.get(path), 403, "insufficient_scope");
        const { status } = await all.get(path);
        expect([path, status]).toEqual([path, path.includes("tile") ? 404 : 200]);
        expect((await alice.get(path)).status).toBe(status);
      }
    });
  },
  { env: { READ_ACCESS: "authenticated" } },
);
