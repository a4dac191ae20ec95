import { expect, test } from "bun:test";
import { KeyedGate } from "../../src/runtime/semaphore.ts";

test("work about one key takes turns in the order it came, also after failures; other keys do not wait", async () => {
  const gate = new KeyedGate(8);
  const told: string[] = [];
  const work = (key: string, name: string, fails = false) =>
    gate.run(key, async () => {
      told.push(`${name} begins`);
      await Bun.sleep(5);
      told.push(`${name} ends`);
      if (fails) throw new Error(name);
    });
  const results = await Promise.allSettled([work("a", "one", true), work("a", "two"), work("a", "three")]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
  expect(told).toEqual(["one begins", "one ends", "two begins", "two ends", "three begins", "three ends"]);
  told.length = 0;
  await Promise.all([work("a", "one"), work("b", "other")]);
  expect(told.slice(0, 2)).toEqual(["one begins", "other begins"]);
});

test("who is one too many for a key is told at once, and room for other keys is left", async () => {
  const gate = new KeyedGate(1);
  const end = Promise.withResolvers<string>();
  const running = [gate.run("a", () => end.promise), gate.run("a", () => end.promise)];
  await expect(gate.run("a", () => end.promise)).rejects.toMatchObject({ error: { code: "busy" } });
  expect(await gate.run("b", async () => "other")).toBe("other");
  end.resolve("done");
  expect(await Promise.all(running)).toEqual(["done", "done"]);
  expect(await gate.run("a", async () => "again")).toBe("again");
});
