import { oneOf, type Random } from "../../support/random.ts";

/*
 * Mutations of manifests: slips that people make while they edit YAML, and what attackers would
 * try.
 */

const PIECES = [
  " ",
  "  ",
  "\t",
  "\n",
  "\n\n",
  "\r\n",
  "\r",
  "\u0085",
  "\u2028",
  ": ",
  ":",
  "- ",
  "-",
  "? ",
  "?",
  ",",
  ", ",
  "[",
  "]",
  "{",
  "}",
  "[]",
  "{}",
  "'",
  '"',
  "''",
  "\\",
  "\\x41",
  "\\u00e9",
  "\\/",
  "\\\n",
  "#",
  " # note",
  "\n# note\n",
  "\t# note\n",
  "&a ",
  "&a",
  "*a",
  "!",
  "! ",
  "!!str ",
  "!!int ",
  "!!float ",
  "!!bool ",
  "!!null ",
  "!!binary ",
  "!!timestamp ",
  "!x ",
  "!<tag:yaml.org,2002:str> ",
  "!e!x ",
  "|",
  "|\n",
  "|2-\n",
  ">",
  ">-\n",
  ">+\n",
  "<<: ",
  "<<: {license: MIT}\n",
  "<<: [{license: MIT}, {license: ISC}]\n",
  "---",
  "---\n",
  "\n---\n",
  "\n...\n",
  "...",
  "%YAML 1.1\n---\n",
  "%YAML 1.2\n---\n",
  "%TAG !e! tag:e.org,2000:\n---\n",
  "%x",
  "~",
  "null",
  "true",
  "yes",
  "no",
  "1.10",
  "0x1f",
  "0o17",
  "010",
  "0b1",
  "1_000",
  "1e3",
  ".5",
  "-.inf",
  ".nan",
  "2026-01-02",
  "2026-01-02T03:04:05Z",
  "18446744073709551615",
  "é",
  "🚀",
  "\ufeff",
  "\u0000",
  "\u0007",
  "@",
  "`",
  "name: other\n",
  "license: MIT\n",
  "default: ",
  "maintainers:\n",
] as const;

type Mutation = (text: string, other: string, random: Random) => string;

/** Returns a place where something begins or ends more often than any other place. */
function place(text: string, random: Random): number {
  if (random(3) === 0) return random(text.length + 1);
  const borders = [0, ...[...text.matchAll(/[\s:,[\]{}'"-]/g)].flatMap(({ index }) => [index, index + 1])];
  return borders[random(borders.length)] ?? 0;
}

function changeLine(change: (line: string, random: Random, lines: readonly string[]) => readonly string[]): Mutation {
  return (text, _other, random) => {
    const lines = text.split("\n");
    const at = random(lines.length);
    return lines.flatMap((line, index) => (index === at ? change(line, random, lines) : [line])).join("\n");
  };
}

const MUTATIONS: readonly [Mutation, ...Mutation[]] = [
  (text, _other, random) => {
    const at = place(text, random);
    return text.slice(0, at) + oneOf(random, PIECES) + text.slice(at);
  },
  (text, _other, random) => {
    const at = place(text, random);
    return text.slice(0, at) + oneOf(random, PIECES) + text.slice(at + 1 + random(3));
  },
  (text, _other, random) => {
    const at = place(text, random);
    return text.slice(0, at) + text.slice(at + 1 + random(4));
  },
  changeLine((line, random) => [" ".repeat(random(5)) + line]),
  changeLine((line, random) => [line.slice(random(4))]),
  changeLine((line, random) => [line.replace(/^ +/, (indent) => indent.slice(random(indent.length + 1)))]),
  changeLine((line) => [line, line]),
  changeLine(() => []),
  changeLine((line, random, lines) => [line, lines[random(lines.length)] ?? ""]),
  changeLine((line, random) => [line + oneOf(random, PIECES)]),
  changeLine((line, random) => [line.replace(/: .*/, () => `: ${oneOf(random, PIECES)}`)]),
  changeLine((line, random) => [line.replace(/: (.*)/, (_all, value) => `: ${oneOf(random, PIECES)}${value}`)]),
  (text, other, random) => {
    const lines = other.split("\n");
    const from = random(lines.length);
    const block = `${lines.slice(from, from + 1 + random(4)).join("\n")}\n`;
    const at = text.indexOf("\n", random(text.length)) + 1;
    return text.slice(0, at) + block + text.slice(at);
  },
  (text, _other, random) => (random(4) === 0 ? text.replaceAll("\n", "\r\n") : text.trimEnd()),
  (text, _other, random) => text.slice(0, place(text, random)),
];

/** Changes a text at one to four places. `other` is a text whose lines may appear in it. */
export function mutatedYaml(text: string, other: string, random: Random): string {
  let mutated = text;
  for (let left = 1 + random(4); left > 0; left -= 1) mutated = oneOf(random, MUTATIONS)(mutated, other, random);
  return mutated;
}

/**
 * Makes a text of the marks and words of YAML alone, where the client's reader shows its mistakes.
 */
export function madeYaml(random: Random): string {
  let text = "";
  for (let left = 1 + random(20); left > 0; left -= 1) text += oneOf(random, PIECES);
  return text;
}

const RANGE_PIECES = [
  "1",
  "1.2",
  "1.2.3",
  "01.2",
  "v1",
  "x",
  "*",
  "1.x",
  "1.*.3",
  "1.2.3-rc.1",
  "1.2.3-01",
  "1.2.3+b",
  "18446744073709551616",
  ">",
  ">=",
  "=>",
  "<",
  "<=",
  "=",
  "==",
  "!=",
  "~",
  "~>",
  "^",
  "||",
  "|",
  ",",
  " ",
  "  ",
  " - ",
  "-",
  "\t",
  "latest",
  "",
] as const;

/** Makes a text that resembles a range of versions. */
export function madeRange(random: Random): string {
  let range = "";
  for (let left = 1 + random(7); left > 0; left -= 1) range += oneOf(random, RANGE_PIECES);
  return range;
}
