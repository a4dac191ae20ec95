import { describe, expect, test } from "bun:test";
import { cosign, formatCheckpoint } from "../../src/tlog/checkpoint.ts";
import {
  COSIGNATURE,
  ED25519,
  formatSignerKey,
  formatVerifierKey,
  parseSignerKey,
  type SignerKey,
  signNote,
  verifierOf,
} from "../../src/tlog/note.ts";
import { cosigners, hasQuorum, PolicyFault, parsePolicy } from "../../src/verify/policy.ts";

/* The format of c2sp.org/tlog-policy, and its example of two levels of groups. */

function keyOf(name: string, seed: number, type: typeof COSIGNATURE | typeof ED25519): SignerKey {
  const key = parseSignerKey(formatSignerKey(name, Buffer.alloc(32, seed), type));
  if (key === undefined) throw new Error("a test's key is none");
  return key;
}

const log = keyOf("log.test/one", 1, ED25519);
const LOG = formatVerifierKey(verifierOf(log));
const NAMES = ["X1", "X2", "X3", "Y1", "Y2", "Y3"] as const;
const witnesses = new Map(NAMES.map((name, at) => [name, keyOf(`witness.test/${name}`, 10 + at, COSIGNATURE)]));
const vkeyOf = (name: (typeof NAMES)[number]) => {
  const key = witnesses.get(name);
  if (key === undefined) throw new Error("no such witness");
  return formatVerifierKey(verifierOf(key));
};
const WITNESSES = NAMES.map((name) => `witness ${name} ${vkeyOf(name)}`).join("\n");

const EXAMPLE = `log ${LOG}

${WITNESSES.split("\n").slice(0, 3).join("\n")}
group X-witnesses 2 X1 X2 X3

${WITNESSES.split("\n").slice(3).join("\n")}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
`;

/** Returns whether these witnesses meet the quorum of a policy over the six witnesses. */
function isEnough(rules: string, cosigned: string): boolean {
  return hasQuorum(parsePolicy(`${WITNESSES}\n${rules}\n`), cosigned.split(" "));
}

describe("a quorum", () => {
  test.each([
    ["X1 X2 Y1", true],
    ["X1 X2 X3 Y1 Y2 Y3", true],
    ["X1 X3 Y3", true],
    ["X1 Y1 Y2 Y3", false],
    ["X1 X2 X3", false],
    ["Y1", false],
    ["", false],
    ["X1 X1 Y1", false],
  ])("the quorum of the specification's example with the cosigners %s is met: %s", (cosigned, enough) => {
    expect(hasQuorum(parsePolicy(EXAMPLE), cosigned.split(" "))).toBe(enough);
  });

  test.each([
    ["quorum none", "", true],
    ["quorum X2", "X1 X3", false],
    ["quorum X2", "X2", true],
    ["group a all X1 X2\nquorum a", "X1", false],
    ["group a all X1 X2\nquorum a", "X2 X1", true],
    ["group a any X1 X2\nquorum a", "Y1", false],
    ["group a any X1 X2\nquorum a", "X2", true],
    ["group a 2 X1 X2 X3\nquorum a", "X3", false],
    ["group a 2 X1 X2 X3\nquorum a", "X3 X1", true],
    ["group a 3 X1 X2 X3\nquorum a", "X3 X1", false],
    ["group a 1 X1\ngroup b 2 a X2 Y1\ngroup c all b Y2\nquorum c", "X1 Y1 Y2", true],
    ["group a 1 X1\ngroup b 2 a X2 Y1\ngroup c all b Y2\nquorum c", "X1 Y2", false],
    ["group a any X1\nquorum X2", "X1", false],
  ])("the quorum of the policy %j with the cosigners %j is met: %s", (rules, cosigned, enough) => {
    expect(isEnough(rules, cosigned)).toBe(enough);
  });

  test("a quorum counts valid cosignatures of the policy's witnesses only", () => {
    const text = formatCheckpoint({ origin: log.name, size: 7, root: Buffer.alloc(32, 7) });
    const other = formatCheckpoint({ origin: log.name, size: 8, root: Buffer.alloc(32, 7) });
    const line = (name: (typeof NAMES)[number], over: string) => {
      const key = witnesses.get(name);
      return key === undefined ? "" : cosign(over, key, new Date(1_700_000_000_000));
    };
    const stranger = cosign(text, keyOf("witness.test/X2", 99, COSIGNATURE), new Date());
    const lines = [line("X1", text), line("X3", other), stranger, line("Y2", text)];
    const note = signNote(text, log) + lines.map((one) => `${one.trimEnd()}\n`).join("");
    const policy = parsePolicy(EXAMPLE);
    expect(cosigners(policy, note)).toEqual(["X1", "Y2"]);
    expect(hasQuorum(policy, cosigners(policy, note))).toBe(false);
    expect(cosigners(policy, note + line("X2", text))).toEqual(["X1", "X2", "Y2"]);
  });
});

describe("a policy", () => {
  test("a policy with logs, witnesses, groups and a quorum is parsed, with spaces, tabs, comments, addresses and any letters in names", () => {
    const { logs, witnesses, groups, quorum } = parsePolicy(
      `# a comment, ü\n\t log\t${LOG}  https://log.test/ \n  \nwitness Köln ${vkeyOf("X1")} https://w.test\n \t# more\ngroup alle all Köln\nquorum \talle`,
    );
    expect(logs.map(({ name }) => name)).toEqual(["log.test/one"]);
    expect([...witnesses.keys()]).toEqual(["Köln"]);
    expect([...groups]).toEqual([["alle", { threshold: 1, members: ["Köln"] }]]);
    expect(quorum).toBe("alle");
  });

  test("a policy without logs and witnesses is parsed, and one with 32 of each and 32 groups", () => {
    expect(parsePolicy("quorum none\n")).toMatchObject({ logs: [], quorum: "none" });
    const numbers = Array.from({ length: 32 }, (_, at) => at);
    const many = [
      ...numbers.map((at) => `log ${formatVerifierKey(verifierOf(keyOf(`log.test/${at}`, at, ED25519)))}`),
      ...numbers.map((at) => `witness w${at} ${formatVerifierKey(verifierOf(keyOf("w.test", at, COSIGNATURE)))}`),
      ...numbers.map((at) => `group g${at} any w${at}`),
      "quorum g31",
    ];
    const { logs, witnesses, groups } = parsePolicy(many.join("\n"));
    expect([logs.length, witnesses.size, groups.size]).toEqual([32, 32, 32]);
  });

  const w1 = `witness X1 ${vkeyOf("X1")}`;
  test.each([
    ["nothing", "", "there is no quorum line"],
    ["no quorum", `log ${LOG}\n`, "there is no quorum line"],
    ["two quorums", "quorum none\n\nquorum none\n", "line 3 is a second quorum"],
    ["a quorum of two names", `${w1}\nquorum X1 X1\n`, "line 2 names more than one quorum"],
    ["a quorum that is not there", "quorum X1\n", "line 1 names X1, which no line before it defines"],
    ["a quorum that comes later", `quorum X1\n${w1}\n`, "line 1 names X1, which no line before it defines"],
    ["an unknown word", "#\nquorums none\n", "line 2 must begin with log, witness, group or quorum"],
    ["a log without key", "log\n", "line 1 has no verifier key of the right type: "],
    ["a log with a witness's key", `log ${vkeyOf("X1")}\n`, "line 1 has no verifier key of the right type"],
    ["a witness with a log's key", `witness X1 ${LOG}\n`, "line 1 has no verifier key of the right type"],
    ["a log twice", `log ${LOG}\nlog ${LOG} https://other.test\n`, "line 2 repeats a log's key"],
    ["a witness's key twice", `${w1}\nwitness X2 ${vkeyOf("X1")}\n`, "line 2 repeats a witness's key"],
    ["a name twice", `${w1}\nwitness X1 ${vkeyOf("X2")}\n`, "line 2 repeats the name X1"],
    ["a group with a witness's name", `${w1}\ngroup X1 any X1\n`, "line 2 repeats the name X1"],
    ["the name none", `witness none ${vkeyOf("X1")}\n`, "line 1 needs a name other than none"],
    ["none in a group", "group a any none\n", "line 1 names none, which no line before it defines"],
    ["words after an address", `${w1} https://w.test more\n`, "line 1 has words after the address"],
    ["a group without members", "group a all\n", "line 1 requires all of 0 members"],
    ["a group of any without members", "group a any\n", "line 1 requires any of 0 members"],
    ["a threshold of 0", `${w1}\ngroup a 0 X1\n`, "line 2 requires 0 of 1 members"],
    ["a threshold above the members", `${w1}\ngroup a 2 X1\n`, "line 2 requires 2 of 1 members"],
    ["a threshold with a zero before it", `${w1}\ngroup a 01 X1\n`, "line 2 requires 01 of 1 members"],
    ["a threshold that is no number", `${w1}\ngroup a some X1\n`, "line 2 requires some of 1 members"],
    ["a threshold that objects have", `${w1}\ngroup a toString X1\n`, "line 2 requires toString of 1 members"],
    ["a member twice", `${w1}\ngroup a any X1 X1\n`, "line 2 lists X1, which is already in a group"],
    [
      "a member of two groups",
      `${w1}\ngroup a any X1\ngroup b any X1\n`,
      "line 3 lists X1, which is already in a group",
    ],
    ["a group in itself", "group a any a\n", "line 1 names a, which no line before it defines"],
    ["lines that end in CR LF", `log ${LOG}\r\nquorum none\r\n`, "line 1 has a control character"],
    ["a control character in a comment", "quorum none\n# \u0007\n", "line 2 has a control character"],
    ["a DEL", "quorum\u007f none\n", "line 1 has a control character"],
  ])("a policy with %s is refused with the number of the line", (_, text, message) => {
    expect(() => parsePolicy(text)).toThrow(PolicyFault);
    expect(() => parsePolicy(text)).toThrow(message);
  });
});
