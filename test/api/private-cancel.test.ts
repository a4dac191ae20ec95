import { beforeAll, describe, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { type Answer, Client, expectProblem, makeKey, newAccount, signMessage } from "../support/client.ts";
import { cancelByKey, changeStatement, newKey, previousOf, resetTo, SIGNED_AT } from "../support/key-statements.ts";
import { onBothDatabases, type TestRegistry } from "../support/registry.ts";

/* A key cancels a reset without an account, because the account may be what was stolen. */

// Names of one length, so that the length of an answer is the same, too.
const [PENDING, QUIET, ABSENT] = ["waiting", "quiet-1", "absent1"];
const ZEROS = "0".repeat(64);

/** An owner of two packages, one of which waits for a reset to `fresh`. */
function scene(registry: () => TestRegistry) {
  const all = { owner: new Client(""), key: makeKey(), fresh: makeKey(), previous: "" };
  beforeAll(async () => {
    all.owner = await newAccount(registry());
    all.key = await newKey(all.owner);
    for (const name of [PENDING, QUIET]) {
      const archive = makePackage({ name, version: "1.0.0" });
      expect((await all.owner.publish(name, "1.0.0", archive, all.key)).status).toBe(201);
    }
    const reset = await resetTo(all.owner, PENDING, all.fresh);
    expect(reset.status).toBe(200);
    all.previous = reset.body.previous;
  });
  const guest = () => new Client(registry().url);
  const cancel = (name: string, body: object) => guest().send("DELETE", `/api/packages/${name}/keys/reset`, body);
  /** A cancel that is right but for what is given. */
  const signed = (name: string, { by = all.key, previous = all.previous, at = SIGNED_AT, about = name } = {}) => {
    const signature = signMessage(by, changeStatement(about, "cancel", all.fresh, previous, { at }));
    return cancel(name, { previous, at, signature });
  };
  return { all, guest, cancel, signed };
}

/** Everything of an answer but its request id, its date, and the name that was asked for. */
function shownBy({ status, headers, text }: Answer, name: string) {
  const requestId = headers.get("x-request-id") ?? "";
  const others = [...headers].filter(([header]) => !["x-request-id", "date"].includes(header));
  return { status, headers: others, text: text.replaceAll(requestId, "ID").replaceAll(name, "NAME") };
}

describe("a signed cancel of a guest", () => {
  onBothDatabases(
    "in a private registry",
    (registry) => {
      const { all, guest, cancel, signed } = scene(registry);

      test("is refused with the same bytes, whatever does not match and whether or not the package exists", async () => {
        const old = "2020-01-01T00:00:00Z";
        const answers = [
          [ABSENT, await signed(ABSENT)],
          [ABSENT, await cancel(ABSENT, { previous: ZEROS, at: SIGNED_AT, signature: "not one" })],
          [QUIET, await signed(QUIET)],
          [QUIET, await signed(QUIET, { previous: await previousOf(all.owner, QUIET) })],
          [PENDING, await signed(PENDING, { by: makeKey() })],
          [PENDING, await signed(PENDING, { by: all.fresh })],
          [PENDING, await signed(PENDING, { about: QUIET })],
          [PENDING, await signed(PENDING, { previous: ZEROS })],
          [PENDING, await signed(PENDING, { at: old })],
          [PENDING, await cancel(PENDING, { previous: all.previous, at: SIGNED_AT, signature: "not one" })],
        ] as const;
        const [[, first]] = answers;
        expectProblem(first, 404, "reset_not_found");
        for (const [at, [name, answer]] of answers.entries()) {
          expect([at, shownBy(answer, name)]).toEqual([at, shownBy(first, ABSENT)]);
        }
        expect((await all.owner.get(`/api/packages/${PENDING}/keys`)).body.reset).not.toBeNull();
      });

      test("without a signature is 401 like every other request, whether or not the package exists", async () => {
        const [missing, there] = [await cancel(ABSENT, {}), await cancel(PENDING, {})];
        expectProblem(missing, 401, "unauthenticated");
        expect(shownBy(there, PENDING)).toEqual(shownBy(missing, ABSENT));
      });

      test("with a field in a wrong form is 422, whether or not the package exists", async () => {
        const body = { previous: "short", at: "yesterday", signature: "00" };
        const [missing, there] = [await cancel(ABSENT, body), await cancel(PENDING, body)];
        expectProblem(missing, 422, "validation_failed");
        expect(shownBy(there, PENDING)).toEqual(shownBy(missing, ABSENT));
      });

      test("by a key of the package ends the reset, and the guest reads nothing else", async () => {
        const cancelled = await signed(PENDING);
        expect([cancelled.status, cancelled.body.reset]).toEqual([200, null]);
        // Who else may sign, and who changed it, is for readers of the registry.
        expect([cancelled.body.keys, cancelled.body.changes]).toEqual([[], []]);
        expect(cancelled.text).not.toContain(all.owner.username);
        const { reset, changes } = (await all.owner.get(`/api/packages/${PENDING}/keys`)).body;
        expect([reset, changes.at(-1).action, changes.at(-1).by]).toEqual([null, "cancel", null]);
        expectProblem(await guest().get(`/api/packages/${PENDING}/keys`), 401, "unauthenticated");
        const again = await signed(PENDING);
        expect(shownBy(again, PENDING)).toEqual(shownBy(await signed(ABSENT), ABSENT));
      });
    },
    { env: { READ_ACCESS: "authenticated", PUBLISH_LIMITS: "off" } },
  );

  onBothDatabases(
    "in a public registry",
    (registry) => {
      const { all, guest, signed } = scene(registry);

      test("is refused with what is wrong", async () => {
        expectProblem(await signed(ABSENT), 404, "package_not_found");
        expectProblem(await signed(QUIET), 404, "reset_not_found");
        expectProblem(await signed(PENDING, { by: makeKey() }), 400, "signature_invalid");
        expectProblem(await signed(PENDING, { previous: ZEROS }), 409, "key_change_outdated");
        const late = await signed(PENDING, { at: "2020-01-01T00:00:00Z" });
        expectProblem(late, 422, "validation_failed");
        expect(late.body.errors[0].path).toBe("/at");
        expect((await cancelByKey(guest(), PENDING, all.fresh, { by: all.key })).status).toBe(200);
      });
    },
    { env: { PUBLISH_LIMITS: "off" } },
  );
});
