import { expect, test } from "bun:test";
import { isReplacement, REPLACEMENT_MAX_CHARS } from "../../src/domain/replacement.ts";

test("a replacement is a version, a name, or both", () => {
  const longest = `${"n".repeat(64)}@1.0.0-${"v".repeat(58)}`;
  expect(longest.length).toBe(REPLACEMENT_MAX_CHARS);
  for (const text of ["2.0.0", "2.0.0-rc.1+b", "a", "my-pkg", "my-pkg@2.0.0", "my-pkg@2.0.0-rc.1+b", longest]) {
    expect([text, isReplacement(text)]).toEqual([text, true]);
  }
  const wrong = ["", "@", "a@", "@1.0.0", "a@1", "a@latest", "A", "a b", "a@1.0.0@", "v1.0.0 ", "con", "con@1.0.0"];
  for (const text of [...wrong, `n${longest}`, `${longest}v`, "a\n", "a\0", "<b>", "https://x"]) {
    expect([text, isReplacement(text)]).toEqual([text, false]);
  }
});
