import { expect, test } from "bun:test";
import { KeyedMutex } from "../../src/runtime/semaphore.ts";

test("a keyed mutex runs tasks of one key in order of arrival, also after a failure, and delays no other key", async () => {
  const mutex = new KeyedMutex(8);
  const steps: string[] = [];
  const work = (key: string, name: string, fails = false) =>
    mutex.run(key, async () => {
      steps.push(`${name} begins`);
      // A task that need not wait begins now.
      await Bun.sleep(5);
      steps.push(`${name} ends`);
      if (fails) throw new Error(name);
    });
  const results = await Promise.allSettled([work("a", "one", true), work("a", "two"), work("a", "three")]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
  expect(steps).toEqual(["one begins", "one ends", "two begins", "two ends", "three begins", "three ends"]);
  steps.length = 0;
  await Promise.all([work("a", "one"), work("b", "other")]);
  expect(steps.slice(0, 2)).toEqual(["one begins", "other begins"]);
});

test("a keyed mutex refuses one task too many for a key as busy, and still runs tasks of other keys", async () => {
  const mutex = new KeyedMutex(1);
  const end = Promise.withResolvers<string>();
  const running = [mutex.run("a", () => end.promise), mutex.run("a", () => end.promise)];
  await expect(mutex.run("a", () => end.promise)).rejects.toMatchObject({ error: { code: "busy" } });
  expect(await mutex.run("b", async () => "other")).toBe("other");
  end.resolve("done");
  expect(await Promise.all(running)).toEqual(["done", "done"]);
  expect(await mutex.run("a", async () => "again")).toBe("again");
});
