import { beforeAll, beforeEach, expect, test } from "bun:test";
import type { createApp } from "../../src/app.ts";
import { createLogger } from "../../src/runtime/logger.ts";
import { makePackage } from "../support/archive-maker.ts";
import {
  type Answer,
  type Client,
  expectProblem,
  type Json,
  makeKey,
  newAccount,
  signMessage,
  statementOf,
} from "../support/client.ts";
import { onBothDatabases, tracesOf } from "../support/registry.ts";
import { eventsAreFinal, eventsOf, newAdmin, withToken } from "../support/roles.ts";

/*
 * The leak guard as a publisher meets it. Which texts are secrets is tested in
 * test/unit/secret-scan.test.ts.
 */

const logged: string[] = [];
const OPTIONS = {
  env: { PUBLISH_LIMITS: "off" },
  override: ({ clock }: Parameters<typeof createApp>[0]) => ({
    logger: createLogger("info", clock, (line) => logged.push(line)),
  }),
};

onBothDatabases(
  "secrets in an archive",
  (registry) => {
    let [alice, admin]: Client[] = [];
    let token = "";
    const key = makeKey();
    const as = (client: Client | undefined) => client as Client;
    const pem = String(makeKey().privateKey.export({ format: "pem", type: "pkcs8" }));
    const keyLine = pem.split("\n")[1] ?? "";

    const archiveOf = (name: string, version = "1.0.0") =>
      makePackage({
        name,
        version,
        files: {
          "values.yaml": `name: test\n\ntoken: ${token}\n`,
          "templates/deploy.key": `# not for you\n${pem}`,
        },
      });
    const publish = (name: string, query = "", archive = archiveOf(name)) => {
      const signature = signMessage(key, statementOf(name, "1.0.0", archive));
      return as(alice).publishFields({ archive, signature, publicKey: key.publicHex }, query);
    };
    const FOUND = [
      { path: "templates/deploy.key", line: 2, kind: "private_key" },
      { path: "values.yaml", line: 3, kind: "api_token" },
    ];
    const foundIn = ({ body }: Answer) => body.errors.map(({ path, code }: Json) => [path, code]);
    const everyEvent = async () => {
      await eventsAreFinal(registry());
      return (await as(admin).get("/api/events?limit=1000")).text;
    };
    /** Every part of a secret that is long enough to be distinguished from other text. */
    const expectNoSecret = (text: string) => {
      for (const secret of [token, token.slice(4), token.slice(10, 24), keyLine, keyLine.slice(-20)]) {
        expect(secret.length).toBeGreaterThanOrEqual(14);
        expect(text.includes(secret)).toBe(false);
      }
    };

    beforeAll(async () => {
      alice = await newAccount(registry(), "alice");
      admin = await newAdmin(registry());
      token = (await withToken(alice, ["read"])).token ?? "";
      expect(token).toStartWith("cpm_");
    });
    beforeEach(() => {
      logged.length = 0;
    });

    test("are refused with every place and none of the secrets, and nothing is left", async () => {
      const before = await tracesOf(registry());
      for (const query of ["", "?dryRun=true", "?allowSecrets=false", "?dryRun=true&allowSecrets=false"]) {
        const refused = await publish("leaky", query);
        expectProblem(refused, 422, "secrets_found");
        expect(foundIn(refused).sort()).toEqual(FOUND.map(({ path, kind }) => [path, kind]));
        for (const { path, line } of FOUND) {
          const fault = refused.body.errors.find((error: Json) => error.path === path);
          expect(fault.message).toContain(`line ${line} `);
        }
        expect(refused.body.detail).toContain("allowSecrets=true");
        expectNoSecret(refused.text);
        expectNoSecret(JSON.stringify([...refused.headers]));
      }
      expect(await tracesOf(registry())).toEqual(before);
      expect(await eventsOf(registry(), "version.", "leaky")).toEqual([]);
      expect(logged.length).toBeGreaterThanOrEqual(4);
      expectNoSecret(logged.join("\n"));
      expectNoSecret(await everyEvent());
    });

    test("are published where the publisher says that they are none, and an event records it", async () => {
      const dry = await publish("allowed", "?dryRun=true&allowSecrets=true");
      expect(dry.status).toBe(200);
      expect(await eventsOf(registry(), "version.", "allowed")).toEqual([]);
      expect((await publish("allowed", "?allowSecrets=true")).status).toBe(201);
      const recorded = await eventsOf(registry(), "version.", "allowed");
      expect(recorded.map(({ kind, by }) => [kind, by])).toEqual([
        ["version.published", as(alice).username],
        ["version.secrets_allowed", as(alice).username],
      ]);
      const { secrets, more } = (recorded[1]?.details ?? {}) as Json;
      expect([secrets.toSorted((a: Json, b: Json) => (a.path < b.path ? -1 : 1)), more]).toEqual([FOUND, 0]);
      expectNoSecret(logged.join("\n"));
      expectNoSecret(await everyEvent());
      const feed = await as(alice).get("/api/packages/allowed/events");
      expectNoSecret(feed.text);
      // Everybody can read the event, so it only says that there are some.
      const shown = feed.body.items.find(({ kind }: Json) => kind === "version.secrets_allowed");
      expect(shown.details).toEqual({});
      // A repeat is the same version. Without the parameter the archive is scanned as ever.
      expect((await publish("allowed", "?allowSecrets=true")).status).toBe(200);
      expectProblem(await publish("allowed"), 422, "secrets_found");
      expect(await eventsOf(registry(), "version.secrets_allowed", "allowed")).toHaveLength(1);
    });

    test("cause no event where there are none, though the parameter is given", async () => {
      const clean = makePackage({ name: "clean", version: "1.0.0" });
      expect((await publish("clean", "?allowSecrets=true", clean)).status).toBe(201);
      expect((await eventsOf(registry(), "version.", "clean")).map(({ kind }) => kind)).toEqual(["version.published"]);
    });

    test("are listed up to 50, and the rest is counted", async () => {
      const lines = Array.from({ length: 60 }, () => token).join("\n");
      const archive = makePackage({ name: "many", version: "1.0.0", files: { "values.yaml": lines } });
      const refused = await publish("many", "", archive);
      expectProblem(refused, 422, "secrets_found");
      expect(refused.body.errors).toHaveLength(51);
      expect(refused.body.errors.at(-1)).toEqual({ path: "", message: "and 10 more" });
      expectNoSecret(refused.text);
      expect((await publish("many", "?allowSecrets=true", archive)).status).toBe(201);
      const [recorded] = await eventsOf(registry(), "version.secrets_allowed", "many");
      const { secrets, more } = (recorded?.details ?? {}) as Json;
      expect([secrets.length, more]).toEqual([50, 10]);
    });

    test("are not listed to a client that cannot sign the archive", async () => {
      const archive = archiveOf("unsigned");
      const signature = signMessage(makeKey(), statementOf("unsigned", "1.0.0", archive));
      const refused = await as(alice).publishFields({ archive, signature, publicKey: key.publicHex });
      expectProblem(refused, 400, "signature_invalid");
      expectNoSecret(refused.text);
    });

    test.each(["allowSecrets=yes", "allowSecrets=true&allowSecrets=true", "allowsecrets=true", "allow_secrets=true"])(
      "are refused with ?%s",
      async (query) => {
        const refused = await publish("mistyped", `?${query}`);
        expectProblem(refused, 422, "validation_failed");
        expect((await as(alice).get("/api/packages/mistyped")).status).toBe(404);
      },
    );
  },
  OPTIONS,
);
