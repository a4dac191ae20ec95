import { expect, test } from "bun:test";
import { createPrivateKey, sign } from "node:crypto";
import { parseDigest } from "../../src/domain/digest.ts";
import { keyChangeStatement } from "../../src/signing/key-statements.ts";
import { publishStatement } from "../../src/signing/statement.ts";
import { parseLeaf } from "../../src/tlog/leaf.ts";
import golden from "../golden/statements.json";

/* The statements that this program and the Go module share (clients/go/golden_test.go). */

const PKCS8_PREFIX = "302e020100300506032b657004220420";

test("the statement of a version and its signature are the golden ones", () => {
  const { name, version, sha256, size, statement, seed, signature } = golden.version;
  const digest = parseDigest(sha256);
  if (digest === undefined) throw new Error("no digest");
  expect(publishStatement({ name, version, digest, size })).toBe(statement);
  const key = createPrivateKey({ key: Buffer.from(PKCS8_PREFIX + seed, "hex"), format: "der", type: "pkcs8" });
  expect(sign(null, Buffer.from(statement), key).toString("base64")).toBe(signature);
});

test.each(golden.keyChanges)("the statement of key change %# is rebuilt from its leaf", ({ leaf, statement }) => {
  const read = parseLeaf(leaf);
  expect(read?.kind).toBe("key");
  if (read?.kind === "key") expect(keyChangeStatement("registry.test/log", read)).toBe(statement);
});

test.each(golden.notLeaves)("golden text %# is no leaf", (text) => {
  expect(parseLeaf(text)).toBeUndefined();
});
