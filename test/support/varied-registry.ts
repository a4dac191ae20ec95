import { makePackage } from "./archive-maker.ts";
import { type Client, makeKey, newAccount, type SigningKey } from "./client.ts";
import type { TestRegistry } from "./registry.ts";
import { newAdmin, withToken } from "./roles.ts";

/** What a varied registry was filled with. */
export interface Varied {
  readonly admin: Client;
  readonly alice: Client;
  /** The key with which she signs. */
  readonly key: SigningKey;
  readonly names: readonly string[];
}

/** Keys of a default in an order that neither database would choose. */
const MANIFEST = `apiVersion: v1
name: varied
version: 1.0.0
description: Ein Paket für "Zitate", \\Striche\\ und 日本語
keywords: [zeta, Alpha, tag-1]
maintainers:
  - name: Zoë
    email: zoe@example.org
dependencies:
  - name: package-1
    version: ">=1.0.0"
inputs:
  - key: place
    required: true
    default: {zone: 1, a: [true, 2.5, null], longest: {b: 1, aa: 2}}
    options: [b, a]
`;

function done({ status, text }: { readonly status: number; readonly text: string }, expected: number): void {
  if (status !== expected) throw new Error(`A varied registry cannot be made: ${status} ${text}`);
}

/**
 * Fills a registry over HTTP with some of everything that it can store: packages with several
 * versions, pre-releases and texts of all kinds, yanks, statuses, a quarantine, an invitation, an
 * API token, keys, downloads.
 */
export async function fillVaried(registry: TestRegistry): Promise<Varied> {
  const [admin, alice, bob] = [
    await newAdmin(registry),
    await newAccount(registry, "alice"),
    await newAccount(registry),
  ];
  const key = makeKey();
  const publish = async (name: string, version: string, draft: object = {}) =>
    done(await alice.publish(name, version, makePackage({ name, version, ...draft }), key), 201);
  const names: string[] = [];
  for (let number = 1; number <= 4; number += 1) {
    const name = `package-${number}`;
    names.push(name);
    for (const version of ["1.0.0", "1.1.0-rc.1", "1.10.0", "1.9.0+build.7"].slice(0, 5 - number)) {
      const files = { "README.md": `# ${name} ${version}\n\t"quoted" \\ {braces}, NULL\n`, "values.yaml": "a: 1\n" };
      await publish(name, version, { tags: [`tag-${number % 2}`, "x"], description: `The package ${number}`, files });
    }
  }
  names.push("varied");
  await publish("varied", "1.0.0", { manifest: MANIFEST });
  done(await alice.send("DELETE", "/api/packages/package-1/1.10.0", { reason: "broken", message: "no" }), 200);
  done(await alice.send("PUT", "/api/packages/package-2/status", { status: "deprecated", message: "old" }), 200);
  done(await admin.send("PUT", "/api/packages/package-3/quarantine", { reason: "looked at", category: "policy" }), 200);
  done(await alice.send("PUT", `/api/packages/package-1/owners/${bob.username}`), 200);
  await withToken(alice, ["read"], ["package-*"]);
  for (let count = 0; count < 3; count += 1) done(await bob.get("/api/packages/package-4/1.0.0/download"), 200);
  return { admin, alice, key, names };
}
