import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { verifyAside, verifyStrictly } from "../support/strict.ts";

/* The public vectors are outside of the repository. docs/decisions/0008 says what is accepted. */

const VECTORS = join(import.meta.dir, "../../../shared/vectors");
const present = existsSync(VECTORS);
if (!present) console.warn(`Skipped: the Ed25519 vectors are not at ${VECTORS}`);

const hex = (text: string) => new Uint8Array(Buffer.from(text, "hex"));
const read = <T>(file: string): T => JSON.parse(readFileSync(join(VECTORS, file), "utf8"));

describe.skipIf(!present)("cpm-strict over the public vectors", () => {
  test("cpm-strict judges all 151 Wycheproof vectors as labelled", () => {
    type Group = { publicKey: { pk: string }; tests: { msg: string; sig: string; result: string }[] };
    const { testGroups } = read<{ testGroups: Group[] }>("wycheproof-ed25519_test.json");
    const answers = testGroups.flatMap(({ publicKey, tests }) =>
      tests.map(
        ({ msg, sig, result }) => verifyStrictly(hex(publicKey.pk), hex(msg), hex(sig)) === (result === "valid"),
      ),
    );
    expect(answers).toEqual(Array(151).fill(true));
  });

  test("cpm-strict accepts none of the 12 speccheck vectors", () => {
    const cases = read<{ message: string; pub_key: string; signature: string }[]>("speccheck-cases.json");
    const answers = cases.map((c) => verifyStrictly(hex(c.pub_key), hex(c.message), hex(c.signature)));
    expect(answers).toEqual(Array(12).fill(false));
  });

  test("cpm-strict accepts only the one of 914 CCTV vectors that has no flags", () => {
    const vectors =
      read<{ key: string; sig: string; msg: string; flags: string[] | null }[]>("cctv-ed25519vectors.json");
    expect(vectors).toHaveLength(914);
    const accepted = vectors.filter((v) => verifyStrictly(hex(v.key), Buffer.from(v.msg), hex(v.sig)));
    expect(accepted.map(({ flags }) => flags ?? [])).toEqual([[]]);
  });

  test("cpm-strict accepts none of the 196 zip215 vectors", () => {
    const cases = read<{ vk_bytes: string; sig_bytes: string }[]>("zip215.json");
    const answers = cases.map((c) => verifyStrictly(hex(c.vk_bytes), Buffer.from("Zcash"), hex(c.sig_bytes)));
    expect(answers).toEqual(Array(196).fill(false));
  });

  test("an audit accepts the same public vectors as cpm-strict", async () => {
    type Case = readonly [key: Uint8Array, message: Uint8Array, signature: Uint8Array];
    type Group = { publicKey: { pk: string }; tests: { msg: string; sig: string }[] };
    const wycheproof = read<{ testGroups: Group[] }>("wycheproof-ed25519_test.json").testGroups;
    const speccheck = read<{ message: string; pub_key: string; signature: string }[]>("speccheck-cases.json");
    const cctv = read<{ key: string; sig: string; msg: string }[]>("cctv-ed25519vectors.json");
    const cases: Case[] = [
      ...wycheproof.flatMap(({ publicKey, tests }) =>
        tests.map(({ msg, sig }): Case => [hex(publicKey.pk), hex(msg), hex(sig)]),
      ),
      ...speccheck.map((c): Case => [hex(c.pub_key), hex(c.message), hex(c.signature)]),
      ...cctv.map((c): Case => [hex(c.key), Buffer.from(c.msg), hex(c.sig)]),
    ];
    for (const one of cases) expect(await verifyAside(...one)).toBe(verifyStrictly(...one));
  });
});
