import { expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";

const ROOT = join(import.meta.dir, "../..");

/*
 * `npm test -- --update-timings` adds what is missing. Move the time of a renamed file under its
 * new name.
 */

test("timings.json names every test file of a usual run and no other", async () => {
  const files = [...new Glob("test/**/*.test.ts").scanSync(ROOT)].filter((path) => !path.endsWith(".long.test.ts"));
  const timings = await Bun.file(join(ROOT, "test/timings.json")).json();
  expect(Object.keys(timings.files).sort()).toEqual(files.sort());
});
