import { afterEach, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { OPERATOR } from "../../src/audit/record-event.ts";
import { disableAccount } from "../../src/moderation/set-disabled.ts";
import { makePackage } from "../support/archive-maker.ts";
import {
  type Client,
  expectProblem,
  makeKey,
  newAccount,
  publishForm,
  signMessage,
  statementOf,
} from "../support/client.ts";
import { onBothDatabases, overriding, type TestRegistry, tracesOf } from "../support/registry.ts";
import { withToken } from "../support/roles.ts";
import { waitUntil } from "../support/wait-until.ts";

const HOUR_MS = 60 * 60_000;
const key = makeKey();

/**
 * Publishes. Runs `meanwhile` when a part of the archive is on the server's disk, before it sends
 * the rest.
 */
async function publishSlowly(registry: TestRegistry, by: Client, name: string, meanwhile: () => Promise<unknown>) {
  const archive = makePackage({ name, version: "1.0.0", files: { "noise.bin": randomBytes(40_000) } });
  const signature = signMessage(key, statementOf(name, "1.0.0", archive));
  const form = new Response(publishForm({ archive, signature, publicKey: key.publicHex }));
  const type = form.headers.get("content-type") ?? "";
  const bytes = new Uint8Array(await form.arrayBuffer());
  const before = (await tracesOf(registry)).files.length;
  const body = new ReadableStream({
    async start(controller) {
      controller.enqueue(bytes.subarray(0, 30_000));
      await waitUntil(async () => (await tracesOf(registry)).files.length > before, "the archive begins to arrive");
      await meanwhile();
      controller.enqueue(bytes.subarray(30_000));
      controller.close();
    },
  });
  return by.post("/api/packages", body, { "content-type": type });
}

async function disable({ deps }: TestRegistry, { username }: Client): Promise<void> {
  await disableAccount(deps, OPERATOR, username, { retireKeys: false });
}

async function logOut(_registry: TestRegistry, account: Client): Promise<void> {
  expect((await account.post("/api/auth/logout")).status).toBe(204);
}

async function revoke(_registry: TestRegistry, account: Client): Promise<void> {
  const [token] = (await account.get("/api/auth/tokens")).body.items;
  expect((await account.send("DELETE", `/api/auth/tokens/${token.id}`)).status).toBe(204);
}

/** A time at which every session and token that exists now has expired. */
async function passYears(registry: TestRegistry): Promise<void> {
  registry.now = new Date(Date.now() + 20_000 * HOUR_MS);
}

type End = readonly [
  how: string,
  credential: "session" | "token",
  end: (registry: TestRegistry, account: Client) => Promise<void>,
  refusal: readonly [status: number, code: string],
];

const ENDED_BY_SOMEBODY: readonly End[] = [
  ["the account is disabled", "token", disable, [401, "unauthenticated"]],
  ["the account is disabled", "session", disable, [401, "unauthenticated"]],
  ["the token is revoked", "token", revoke, [401, "unauthenticated"]],
  ["the session is ended", "session", logOut, [401, "unauthenticated"]],
];
const ENDS: readonly End[] = [
  ...ENDED_BY_SOMEBODY,
  ["the token expires", "token", passYears, [401, "unauthenticated"]],
  ["the session expires", "session", passYears, [401, "unauthenticated"]],
];

let whenStored: (() => Promise<unknown>) | undefined;

onBothDatabases(
  "a publish",
  (registry) => {
    afterEach(() => {
      registry().now = undefined;
      whenStored = undefined;
    });

    const publisher = async (credential: "session" | "token") => {
      const account = await newAccount(registry());
      return { account, by: credential === "session" ? account : await withToken(account, ["publish-new"]) };
    };
    let names = 0;
    const newName = () => {
      names += 1;
      return `ended-${names}`;
    };

    test.each(["session", "token"] as const)(
      "that takes long is accepted while its %s is valid",
      async (credential) => {
        const { by } = await publisher(credential);
        expect((await publishSlowly(registry(), by, newName(), async () => undefined)).status).toBe(201);
      },
    );

    test.each(ENDS)("is refused when %s while the archive arrives (%s)", async (_, credential, end, refusal) => {
      const { account, by } = await publisher(credential);
      const before = await tracesOf(registry());
      const answer = await publishSlowly(registry(), by, newName(), () => end(registry(), account));
      expectProblem(answer, ...refusal);
      expect(await tracesOf(registry())).toEqual(before);
    });

    test.each(ENDED_BY_SOMEBODY)(
      "is refused when %s while its archive is stored (%s)",
      async (_, credential, end, refusal) => {
        const { account, by } = await publisher(credential);
        const { files: _before, ...before } = await tracesOf(registry());
        whenStored = () => end(registry(), account);
        const name = newName();
        expectProblem(await by.publish(name, "1.0.0", makePackage({ name, version: "1.0.0" }), key), ...refusal);
        expect(await tracesOf(registry())).toMatchObject(before);
      },
    );
  },
  {
    override: ({ blobs }) => ({
      blobs: overriding(blobs, {
        put: async (received) => {
          await blobs.put(received);
          await whenStored?.();
        },
      }),
    }),
  },
);
