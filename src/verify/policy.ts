import { COSIGNATURE, ED25519, parseVerifierKey, type VerifierKey, verifyNote } from "../tlog/note.ts";

/* Policies of c2sp.org/tlog-policy, which list trusted logs and witnesses. */

interface Group {
  readonly threshold: number;
  readonly members: readonly string[];
}

/** A parsed policy. */
export interface Policy {
  readonly logs: readonly VerifierKey[];
  readonly witnesses: ReadonlyMap<string, VerifierKey>;
  readonly groups: ReadonlyMap<string, Group>;
  /** The name of a witness or a group, or "none". */
  readonly quorum: string;
}

/** A malformed policy. The message names the line. */
export class PolicyFault extends Error {
  override readonly name = "PolicyFault";
}

class PolicyReader {
  readonly logs: VerifierKey[] = [];
  readonly witnesses = new Map<string, VerifierKey>();
  readonly groups = new Map<string, Group>();
  readonly #members = new Set<string>();
  quorum: string | undefined;

  read([keyword, ...words]: readonly string[]): void {
    if (keyword === "log") this.#log(words);
    else if (keyword === "witness") this.#witness(words);
    else if (keyword === "group") this.#group(words);
    else if (keyword === "quorum") this.#quorum(words);
    else throw new PolicyFault(`must begin with log, witness, group or quorum`);
  }

  #log([vkey = "", , ...surplus]: readonly string[]): void {
    const key = keyOf(vkey, ED25519, surplus);
    if (this.logs.some((log) => log.publicKey.equals(key.publicKey))) throw new PolicyFault("repeats a log's key");
    this.logs.push(key);
  }

  #witness([name = "", vkey = "", , ...surplus]: readonly string[]): void {
    this.#requireNew(name);
    const key = keyOf(vkey, COSIGNATURE, surplus);
    const known = [...this.witnesses.values()];
    if (known.some((witness) => witness.publicKey.equals(key.publicKey))) {
      throw new PolicyFault("repeats a witness's key");
    }
    this.witnesses.set(name, key);
  }

  #group([name = "", count = "", ...members]: readonly string[]): void {
    this.#requireNew(name);
    for (const member of members) {
      this.#requireKnown(member);
      if (this.#members.has(member)) throw new PolicyFault(`lists ${member}, which is already in a group`);
      this.#members.add(member);
    }
    const threshold = thresholdOf(count, members.length);
    if (threshold < 1 || threshold > members.length)
      throw new PolicyFault(`requires ${count} of ${members.length} members`);
    this.groups.set(name, { threshold, members });
  }

  #quorum([name = "", ...surplus]: readonly string[]): void {
    if (this.quorum !== undefined) throw new PolicyFault("is a second quorum");
    if (surplus.length > 0) throw new PolicyFault("names more than one quorum");
    if (name !== "none") this.#requireKnown(name);
    this.quorum = name;
  }

  #requireNew(name: string): void {
    if (name === "" || name === "none") throw new PolicyFault("needs a name other than none");
    if (this.#isKnown(name)) throw new PolicyFault(`repeats the name ${name}`);
  }

  #requireKnown(name: string): void {
    if (!this.#isKnown(name)) throw new PolicyFault(`names ${name}, which no line before it defines`);
  }

  #isKnown(name: string): boolean {
    return this.witnesses.has(name) || this.groups.has(name);
  }
}

/** Parses a threshold. Returns 0 if it is malformed. */
function thresholdOf(count: string, members: number): number {
  if (count === "all") return members;
  if (count === "any") return 1;
  return /^[1-9]\d*$/.test(count) ? Number(count) : 0;
}

function keyOf(vkey: string, type: VerifierKey["type"], surplus: readonly string[]): VerifierKey {
  const key = parseVerifierKey(vkey);
  if (key?.type !== type) throw new PolicyFault(`has no verifier key of the right type: ${vkey}`);
  if (surplus.length > 0) throw new PolicyFault("has words after the address");
  return key;
}

/** Parses a policy. Throws `PolicyFault`. */
export function parsePolicy(text: string): Policy {
  const reader = new PolicyReader();
  for (const [at, line] of text.split("\n").entries()) {
    const words = line.split(/[ \t]+/).filter((word) => word !== "");
    try {
      if ([...line].some((mark) => mark !== "\t" && (mark < " " || mark === "\u007f"))) {
        throw new PolicyFault("has a control character");
      }
      if (words[0] !== undefined && !words[0].startsWith("#")) reader.read(words);
    } catch (cause) {
      throw cause instanceof PolicyFault ? new PolicyFault(`line ${at + 1} ${cause.message}`) : cause;
    }
  }
  const { logs, witnesses, groups, quorum } = reader;
  if (quorum === undefined) throw new PolicyFault("there is no quorum line");
  return { logs, witnesses, groups, quorum };
}

/** Returns the names of the policy's witnesses with a valid cosignature on a note. */
export function cosigners(policy: Policy, note: string): string[] {
  return [...policy.witnesses].filter(([, key]) => verifyNote(note, [key]) !== undefined).map(([name]) => name);
}

/** Returns whether these witnesses meet the quorum of the policy. */
export function hasQuorum({ groups, quorum }: Policy, cosigned: readonly string[]): boolean {
  const witnessed = (name: string): boolean => {
    const group = groups.get(name);
    if (group === undefined) return cosigned.includes(name);
    return group.members.filter(witnessed).length >= group.threshold;
  };
  return quorum === "none" || witnessed(quorum);
}
