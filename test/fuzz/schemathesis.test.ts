import { describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makePackage } from "../support/archive-maker.ts";
import { Client, makeKey, newAccount } from "../support/client.ts";
import { type DatabaseKind, startRegistry, type TestRegistry } from "../support/registry.ts";
import { eventsOf, newAdmin, withToken } from "../support/roles.ts";
import { fuzz, installSchemathesis } from "./schemathesis/environment.ts";

/*
 * Runs Schemathesis against the running server, from its own OpenAPI document, with every check
 * enabled.
 */

const LONG = process.env.TEST_LONG === "1";
const SEED = Number(process.env.FUZZ_SEED ?? "1");
const EXAMPLES = LONG ? 20 : 5;
const RUN_TIMEOUT_MS = LONG ? 600_000 : 300_000;
const PACKAGE = "fuzzed";

/** What `seed` publishes. */
const KNOWN = { "path.name": PACKAGE, "path.version": "1.0.0", "path.path": "colony.yaml" };

const installed = installSchemathesis();
const program = "program" in installed ? installed.program : undefined;
if ("missing" in installed) console.warn(`Skipped: Schemathesis cannot be installed here: ${installed.missing}`);

/** Publishes a package with two versions, which the run uses in addresses. */
async function seed(owner: Client): Promise<void> {
  const key = makeKey();
  for (const version of ["1.0.0", "1.1.0"]) {
    const published = await owner.publish(
      PACKAGE,
      version,
      makePackage({ name: PACKAGE, version, readme: "# Hi" }),
      key,
    );
    expect(published.status).toBe(201);
  }
}

/** The credentials of a run by role. The first is the short form. */
const ROLES: Readonly<Record<string, (registry: TestRegistry, owner: Client) => Promise<string | undefined>>> = {
  session: async (_registry, owner) => owner.token,
  nobody: async () => undefined,
  admin: async (registry) => (await newAdmin(registry)).token,
  token: async (_registry, owner) =>
    (await withToken(owner, ["read", "publish-new", "publish-update", "yank", "owners"])).token,
};

const KINDS: readonly DatabaseKind[] = LONG ? ["sqlite", "postgres"] : ["sqlite"];

/**
 * Each run has a registry of its own, so that what one leaves behind, such as a hundred tokens,
 * does not limit the next.
 */
async function withSeeded(kind: DatabaseKind, use: (registry: TestRegistry, owner: Client) => Promise<void>) {
  const registry = await startRegistry(kind, { env: { PUBLISH_LIMITS: "off" } });
  try {
    const owner = await newAccount(registry, "fuzzer");
    await seed(owner);
    await use(registry, owner);
  } finally {
    await registry.stop();
  }
}

describe.skipIf(program === undefined).each(KINDS)("Schemathesis (%s)", (kind) => {
  const expectNoFault = async (what: string, url: string, token: string | undefined, parameters = {}) => {
    const { exitCode, output } = await fuzz(program ?? "", { url, token, seed: SEED, examples: EXAMPLES, parameters });
    console.info(`${output.match(/^\s*(\d+ generated.*)$/m)?.[1] ?? "No case"}: ${what} (${kind}), seed ${SEED}`);
    if (exitCode !== 0) console.error(output);
    expect(exitCode).toBe(0);
    // Otherwise every response of the run was a 401.
    if (token !== undefined) expect((await new Client(url, token).get("/api/auth/me")).status).toBe(200);
  };

  for (const [role, credential] of Object.entries(ROLES).slice(0, LONG ? undefined : 1)) {
    test(
      `Schemathesis finds no fault as ${role}`,
      () =>
        withSeeded(kind, async (registry, owner) => {
          const token = await credential(registry, owner);
          await expectNoFault(`${role}, made-up names`, registry.url, token);
          const before = await eventsOf(registry, "", PACKAGE);
          await expectNoFault(`${role}, a published package`, registry.url, token, KNOWN);
          const after = await eventsOf(registry, "", PACKAGE);
          // Otherwise the run never reached the package. A guest only reads, which leaves no event.
          if (token !== undefined) expect(after.length).toBeGreaterThan(before.length);
        }),
      RUN_TIMEOUT_MS,
    );
  }
});

test.skipIf(program === undefined)(
  "Schemathesis finds a status that the OpenAPI document omits",
  async () => {
    const registry = await startRegistry("sqlite", { env: { PUBLISH_LIMITS: "off" } });
    const folder = await mkdtemp(join(tmpdir(), "cpm-fuzz-"));
    try {
      const described = (await new Client(registry.url).get("/swagger/json")).body;
      const { 200: _left, ...responses } = described.paths["/api/packages"].get.responses;
      described.paths = { "/api/packages": { get: { ...described.paths["/api/packages"].get, responses } } };
      const document = join(folder, "openapi.json");
      await Bun.write(document, JSON.stringify(described));
      const options = { url: registry.url, document, token: undefined, seed: SEED, examples: 1 };
      const { exitCode, output } = await fuzz(program ?? "", options);
      expect(exitCode).not.toBe(0);
      expect(output).toContain("Undocumented status code");
    } finally {
      await registry.stop();
      await rm(folder, { recursive: true });
    }
  },
  RUN_TIMEOUT_MS,
);
