import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import { tokenDigest } from "../../src/accounts/credentials.ts";
import { setRole } from "../../src/accounts/set-role.ts";
import { OPERATOR } from "../../src/audit/record-event.ts";
import { type Answer, type Client, expectProblem } from "../support/client.ts";
import { startRegistry } from "../support/registry.ts";
import { withToken } from "../support/roles.ts";
import { ROLE_NAMES, ROLES, type Role, type RoleName, World } from "./permission-roles.ts";
import { type Asked, BODIES, isRead, methodOf, namedRows, type Row } from "./permission-row.ts";
import { ROWS } from "./permission-rows.ts";
import { stateOf } from "./permission-state.ts";

/* Every write with a body is sent slowly, and the right to it ends before the body does. */

/** Long enough for the guard of a route to accept the head. A shorter pause only proves less. */
const GUARD_MS = 120;

/** The bytes of a request, and their type. */
async function bytesOf({ body = {} }: Asked): Promise<readonly [type: string, bytes: Uint8Array]> {
  if (!(body instanceof FormData)) return ["application/json", Buffer.from(JSON.stringify(body))];
  const form = new Response(body);
  return [form.headers.get("content-type") ?? "", new Uint8Array(await form.arrayBuffer())];
}

/** Sends all of a body but its last byte, does something else, and sends the rest. */
async function sendSlowly(by: Client, row: Row, asked: Asked, meanwhile: () => Promise<unknown>): Promise<Answer> {
  const [type, bytes] = await bytesOf(asked);
  const body = new ReadableStream({
    async start(controller) {
      controller.enqueue(bytes.subarray(0, -1));
      await Bun.sleep(GUARD_MS);
      await meanwhile();
      controller.enqueue(bytes.subarray(-1));
      controller.close();
    },
  });
  return by.send(methodOf(row), asked.path, body, { "content-type": type });
}

/** Switches an account off or on, and leaves its sessions and tokens to be refused. */
async function setDisabled({ registry }: World, { username }: Client, isDisabled: boolean): Promise<void> {
  await registry.deps.db.write(async ({ query, tables: { users } }) => {
    const disabledAt = isDisabled ? new Date() : null;
    await query.update(users).set({ disabledAt }).where(eq(users.username, username));
  });
}

/** How a right ends while a body arrives, and how the account gets it back. */
interface End {
  readonly how: string;
  readonly refusal: readonly [status: number, code: string];
  end(world: World, by: Client): Promise<unknown>;
  restore?(world: World, by: Client): Promise<unknown>;
}

const ENDED_SESSION: End = {
  how: "its session ended",
  refusal: [401, "unauthenticated"],
  end: async (_, by) => expect((await by.post("/api/auth/logout")).status).toBe(204),
};
const REVOKED_TOKEN: End = {
  how: "its token was revoked",
  refusal: [401, "unauthenticated"],
  end: ({ registry }, { token = "" }) =>
    registry.deps.db.write(async ({ query, tables: { apiTokens } }) => {
      await query
        .update(apiTokens)
        .set({ revokedAt: new Date() })
        .where(eq(apiTokens.tokenSha256, tokenDigest(token)));
    }),
};
const DISABLED: End = {
  how: "its account was disabled",
  refusal: [403, "account_disabled"],
  end: (world, by) => setDisabled(world, by, true),
  restore: (world, by) => setDisabled(world, by, false),
};
const DEMOTED: End = {
  how: "its account stopped being an administrator",
  refusal: [403, "admin_only"],
  end: ({ registry }, { username }) => setRole(registry.deps, OPERATOR, username, "user"),
  restore: ({ registry }, { username }) => setRole(registry.deps, OPERATOR, username, "admin"),
};

/** The first role that may do it with a session, and the first with a token. */
function rolesOf({ results }: Row): RoleName[] {
  const allowed = ROLE_NAMES.filter((name) => typeof results[name] === "number");
  const isToken = (name: RoleName) => "scopes" in ROLES[name];
  return [allowed.find((name) => !isToken(name)), allowed.find(isToken)].filter((name) => name !== undefined);
}

function endsOf({ results }: Row, { scopes }: Role): readonly End[] {
  if (scopes !== undefined) return [REVOKED_TOKEN, DISABLED];
  const needsAdmin = results.owner === "403 admin_only";
  return [ENDED_SESSION, DISABLED, ...(needsAdmin ? [DEMOTED] : [])];
}

/** A credential that only this request uses. */
function newCredential(world: World, { person, scopes }: Role): Promise<Client> {
  return scopes === undefined ? world.newSession(person) : withToken(world.person(person), scopes);
}

const isGuarded = (row: Row) => row.results.nobody === "401 unauthenticated";
const GUARDED = ROWS.filter((row) => !isRead(row) && isGuarded(row) && BODIES.has(row.operation));

test("every operation with a body needs a credential, but for those with a proof of their own", () => {
  const tested = new Set(GUARDED.map(({ operation }) => operation));
  expect([...BODIES.keys()].filter((operation) => !tested.has(operation))).toEqual([
    "POST /api/auth/register",
    "POST /api/auth/reset",
    "POST /api/auth/login",
  ]);
});

describe.each(["sqlite", "postgres"] as const)("a write on %s whose right ends while its body arrives", (kind) => {
  let world: World;

  beforeAll(async () => {
    world = await World.open(await startRegistry(kind, { env: { PUBLISH_LIMITS: "off" } }));
  });
  afterAll(() => world.registry.stop());

  test.each(namedRows(GUARDED))("%s is refused and changes nothing", async (_, row) => {
    await world.renew();
    for (const roleName of rolesOf(row)) {
      const role: Role = ROLES[roleName];
      for (const { how, refusal, end, restore } of endsOf(row, role)) {
        const by = await newCredential(world, role);
        const asked = await (await row.prepare(world))(by);
        let before: Awaited<ReturnType<typeof stateOf>> | undefined;
        const answer = await sendSlowly(by, row, asked, async () => {
          await end(world, by);
          before = await stateOf(world.registry, asked.path);
        });
        const now = await stateOf(world.registry, asked.path);
        expect<unknown>({ roleName, how, ...now }).toEqual({ roleName, how, ...before });
        expectProblem(answer, ...refusal);
        await restore?.(world, by);
      }
      const by = await newCredential(world, role);
      const asked = await (await row.prepare(world))(by);
      const inTime = await sendSlowly(by, row, asked, async () => undefined);
      expect<unknown>([roleName, inTime.status]).toEqual([roleName, row.results[roleName]]);
    }
  });
});
