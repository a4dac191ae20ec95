import { afterAll, beforeAll, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount, sha256, signMessage } from "../support/client.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

/*
 * An archive of 23 KB that once held the event loop for nine seconds: backslashes behind the
 * headers of private keys, with a signature that is not valid.
 */

let registry: TestRegistry;
let alice: Client;
const key = makeKey();
beforeAll(async () => {
  registry = await startRegistry("sqlite");
  alice = await newAccount(registry);
});
afterAll(() => registry.stop());

/** The search was hundreds of times slower than that of a harmless archive of the same size. */
const SLOWER_MAX = 20;
const NOISE_MS = 1_000;

/** 7 MB, which gzip compresses to some 23 KB. */
const hostile = `-----BEGIN PRIVATE KEY-----${"\\".repeat(900)}\n`.repeat(8_000);
const harmless = `${"x".repeat(927)}\n`.repeat(8_000);

function publish(name: string, text: string, isSigned: boolean) {
  const archive = makePackage({ name, version: "1.0.0", files: { "templates/a.yaml": text } });
  const statement = `cpm-package-signature/v1\nname: ${name}\nversion: 1.0.0\nsha256: ${sha256(archive)}\nsize: ${archive.length}\n`;
  const signature = signMessage(isSigned ? key : makeKey(), statement);
  return alice.publishFields({ archive, signature, publicKey: key.publicHex });
}

async function tookMs(name: string, text: string, isSigned: boolean, status: number): Promise<number> {
  const startedMs = performance.now();
  expect((await publish(name, text, isSigned)).status).toBe(status);
  return performance.now() - startedMs;
}

test.each([
  ["with an invalid signature", "unsigned", false, 400],
  ["with a valid signature", "signed", true, 201],
] as const)(
  "7 MB of backslashes behind key headers %s cost as much as 7 MB of text",
  async (_, name, isSigned, status) => {
    const harmlessMs = await tookMs(`${name}-harmless`, harmless, isSigned, status);
    expect(await tookMs(`${name}-hostile`, hostile, isSigned, status)).toBeLessThan(NOISE_MS + SLOWER_MAX * harmlessMs);
  },
);
