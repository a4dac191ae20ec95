import { describe, expect, test } from "bun:test";
import { blocksOf, documentBefore, printsWhatIsShown, stepsOf } from "./documents.ts";

const MARKDOWN = `# First

\`\`\`sh
# not a heading
echo one
\`\`\`

\`\`\`text
one
\`\`\`

## Second

\`\`\`sh
echo two
\`\`\`

\`\`\`shell
rm -rf /
\`\`\`

\`\`\`text
not an output
\`\`\`
`;

describe("the steps of a document", () => {
  test("the steps of a document are its sh blocks, with the output that follows each", () => {
    expect(stepsOf(MARKDOWN)).toEqual([
      { heading: "First", script: "# not a heading\necho one\n", shown: "one\n" },
      { heading: "Second", script: "echo two\n", shown: undefined },
    ]);
  });

  test("a document that continues another one begins with the steps of that one", () => {
    expect(documentBefore("docs/signing.md")).toBe("docs/by-hand.md");
    expect(documentBefore("docs/getting-started.md")).toBeUndefined();
  });

  test("blocks of other languages are no steps", () => {
    expect(blocksOf(MARKDOWN).map(({ language }) => language)).toEqual(["sh", "text", "sh", "shell", "text"]);
  });
});

describe("an output that a document shows", () => {
  test.each([
    ["the same", "a b\n", "a  b", true],
    ["any text in place of …", '{"id":"…","name":"x"}', '{"id":"17","name":"x"}', true],
    ["a wrapped line", '{"a":1,\n "b":2}', '{"a":1,"b":2}', true],
    ["another word", "verified", "NOT verified", false],
    ["more than is shown", "one", "one\ntwo", false],
    ["characters that mean something in an expression", "a.c", "abc", false],
  ])("a shown output is compared with a printed one: %s", (_, shown, printed, matches) => {
    expect(printsWhatIsShown(shown, printed)).toBe(matches);
  });
});
