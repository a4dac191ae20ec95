import { beforeAll, expect, test } from "bun:test";
import { createRequire } from "node:module";
import { Language, Parser } from "web-tree-sitter";
import { COMPLETION_SCRIPTS } from "../../src/cli/completion-scripts.ts";

/*
 * PowerShell's grammar, where there is no PowerShell: test/client/completion.test.ts runs the
 * script where there is one.
 */

const { resolve } = createRequire(import.meta.url);
const SCRIPT = COMPLETION_SCRIPTS.powershell ?? "";
let parser: Parser;

beforeAll(async () => {
  await Parser.init();
  parser = new Parser();
  parser.setLanguage(await Language.load(resolve("tree-sitter-powershell/tree-sitter-powershell.wasm")));
});

function parsed(script: string) {
  const root = parser.parse(script)?.rootNode;
  if (root === undefined) throw new Error("The script was not parsed");
  return root;
}

test("the completion script of PowerShell is one command with a block of three parameters", () => {
  const root = parsed(SCRIPT);
  expect(root.hasError).toBe(false);
  const [registered, ...others] = root
    .descendantsOfType("command")
    .filter((node) => node?.parent?.parent?.parent?.parent?.equals(root));
  expect([registered?.childForFieldName("command_name")?.text, others]).toEqual(["Register-ArgumentCompleter", []]);
  const parameters = root.descendantsOfType("script_parameter").map((node) => node?.text);
  expect(parameters).toEqual(["$wordToComplete", "$commandAst", "$cursorPosition"]);
});

test.each([
  ["the end of the block", (script: string) => script.slice(0, -1)],
  ["a quote", (script: string) => script.replace("'ParameterValue'", "'ParameterValue")],
  ["a bracket of a condition", (script: string) => script.replace("if (", "if ")],
  ["the command before a block", (script: string) => script.replace("| ForEach-Object {", "| {")],
])("a script of PowerShell that lacks %s is seen as wrong", (_, broken) => {
  expect(broken(SCRIPT)).not.toBe(SCRIPT);
  expect(parsed(broken(SCRIPT)).hasError).toBe(true);
});
