import { expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { Client, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";

onBothDatabases(
  "a private registry",
  (registry) => {
    test("answers every read of a guest with 401, whether the package is there or not, and accounts as ever", async () => {
      const alice = await newAccount(registry());
      const guest = new Client(registry().url);
      await alice.publish("inside", "1.0.0", makePackage({ name: "inside", version: "1.0.0" }), makeKey());
      const reads = [
        "",
        "/inside",
        "/inside/1.0.0",
        "/inside/owners",
        ...["download", "files", "readme", "manifest", "values", "signature"].map((part) => `/inside/1.0.0/${part}`),
      ];
      for (const path of reads) {
        const there = await guest.get(`/api/packages${path}`);
        const missing = await guest.get(`/api/packages${path.replace("inside", "outside")}`);
        expect([path, there.status, missing.status]).toEqual([path, 401, 401]);
        expect({ ...there.body, requestId: "" }).toEqual({ ...missing.body, requestId: "" });
        expect([path, (await guest.send("HEAD", `/api/v1/packages${path}`)).status]).toEqual([path, 401]);
        expect([path, (await alice.get(`/api/packages${path}`)).status]).toEqual([path, 200]);
      }
    });

    test("lets no cache between keep an archive", async () => {
      const alice = await newAccount(registry());
      await alice.publish("uncached", "1.0.0", makePackage({ name: "uncached", version: "1.0.0" }), makeKey());
      const { headers } = await alice.get("/api/packages/uncached/1.0.0/download");
      expect(headers.get("cache-control")).toBe("private, max-age=31536000, immutable");
    });

    test("stays open for health probes", async () => {
      for (const path of ["/health", "/health/live", "/health/ready"]) {
        expect((await new Client(registry().url).get(path)).status).toBe(200);
      }
    });
  },
  { env: { READ_ACCESS: "authenticated" } },
);
