import { afterEach, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";

const MINUTE = 60_000;

onBothDatabases("a request that changes nothing", (registry) => {
  afterEach(() => {
    registry().now = undefined;
  });
  const updatedAt = async (client: Client, name: string) => (await client.get(`/api/packages/${name}`)).body.updatedAt;

  test("a repeated yank or unyank leaves the package where it is in lists", async () => {
    const alice = await newAccount(registry());
    const archive = makePackage({ name: "calm", version: "1.0.0" });
    await alice.publish("calm", "1.0.0", archive, makeKey());
    const address = "/api/packages/calm/1.0.0";
    const yank = (body: object) => alice.send("DELETE", address, body);
    const undo = () => alice.post(address);
    const reason = { reason: "broken", message: "Use 1.0.1" };
    const steps: readonly [step: () => ReturnType<typeof undo>, changes: boolean][] = [
      [undo, false],
      [() => yank(reason), true],
      [() => yank(reason), false],
      [() => yank({ reason: "broken" }), true],
      [() => yank({ reason: "broken" }), false],
      [() => yank({}), true],
      [undo, true],
      [undo, false],
    ];
    const start = Date.now();
    for (const [index, [step, changes]] of steps.entries()) {
      const before = await updatedAt(alice, "calm");
      registry().now = new Date(start + (index + 1) * MINUTE);
      const answer = await step();
      expect([index, answer.status]).toEqual([index, 200]);
      const version = (await alice.get(address)).body;
      expect(answer.body).toEqual(version);
      expect([index, (await updatedAt(alice, "calm")) !== before]).toEqual([index, changes]);
    }
  });

  test("a publish that lost a race with the same bytes leaves the package as the winner made it", async () => {
    const alice = await newAccount(registry());
    const key = makeKey();
    for (const version of ["1.0.0", "1.0.1", "1.0.2"]) {
      const archive = makePackage({ name: "raced", version });
      const answers = await Promise.all(
        Array.from({ length: 16 }, () => alice.publish("raced", version, archive, key)),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([...Array(15).fill(200), 201]);
      const { publishedAt } = (await alice.get(`/api/packages/raced/${version}`)).body;
      expect(await updatedAt(alice, "raced")).toBe(publishedAt);
    }
  });
});
