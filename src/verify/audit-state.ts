import { createHash } from "node:crypto";
import { EMPTY_FRONTIER, type Frontier } from "../log/frontier.ts";
import { DigestTable } from "./digest-table.ts";
import { emptyHistory, type LeafHistory, type Look, SEQUENCE_WORDS, STATUS_WORDS } from "./leaf-rules.ts";
import { PackageHistories } from "./package-histories.ts";
import type { PackageHistory } from "./package-history.ts";

/** The progress of an audit, from which it can continue with the next leaf. */
export interface AuditState {
  readonly frontier: Frontier;
  readonly history: LeafHistory;
  /** Whether every archive up to here was checked too. */
  readonly withArchives: boolean;
  /**
   * How large the log was when the audit looked, by the auditor's clock; undefined before the
   * first.
   */
  readonly looked: Look | undefined;
}

/**
 * The version of the format. It changes with everything below, so that no other version of this
 * program misreads a state.
 */
const FORMAT = "cpm-audit/v1";
const HEAD = new RegExp(`^${FORMAT} ([0-9a-f]{64}) (\\d{1,9})\n`);
const HEAD_MAX_BYTES = 100;

/** Returns the state before the first leaf. */
export function firstState(withArchives: boolean): AuditState {
  return { frontier: EMPTY_FRONTIER, history: emptyHistory(), withArchives, looked: undefined };
}

/** Everything but the tables. */
interface Summary {
  readonly size: number;
  readonly nodes: readonly { readonly level: number; readonly hash: string }[];
  readonly edges: readonly (readonly string[])[];
  readonly changed: readonly PackageHistory[];
  readonly archivesUnread: number;
  readonly newestMs: number;
  readonly withArchives: boolean;
  readonly looked: Look | undefined;
  /** The bytes of each table, in their order in the file. */
  readonly tables: readonly number[];
}

/**
 * Encodes a state for a file, in parts to be written one after the other: a line with the digest of
 * all that follows and the length of the summary, the summary in JSON, and the tables. Some parts
 * are views of the state.
 */
export function encodeState({ frontier, history, withArchives, looked }: AuditState): Uint8Array[] {
  const { size, nodes, edges } = frontier;
  const { archivesUnread, newestMs } = history;
  const { unchanged, changed } = history.packages.encode();
  const tables = [history.versions.encode(), unchanged, history.sequences.encode(), history.statuses.encode()];
  const summary: Summary = {
    size,
    nodes: nodes.map(({ level, hash }) => ({ level, hash: hash.toString("base64") })),
    edges: edges.map((edge) => edge.map((hash) => hash.toString("base64"))),
    ...{ changed, archivesUnread, newestMs, withArchives, looked },
    tables: tables.map(({ length }) => length),
  };
  const json = Buffer.from(JSON.stringify(summary));
  const parts = [json, ...tables];
  return [Buffer.from(`${FORMAT} ${digestOf(parts)} ${json.length}\n`), ...parts];
}

/**
 * Decodes a state that `encodeState` encoded. Returns undefined for the file of another version,
 * and for a damaged one: the digest shows it.
 */
export function decodeState(file: Uint8Array): AuditState | undefined {
  const head = HEAD.exec(Buffer.from(file.subarray(0, HEAD_MAX_BYTES)).toString("latin1"));
  if (head === null) return undefined;
  const [{ length: start }, digest, summaryBytes] = [head[0], head[1], Number(head[2])];
  if (digestOf([file.subarray(start)]) !== digest) return undefined;
  const summary: Summary = JSON.parse(Buffer.from(file.subarray(start, start + summaryBytes)).toString("utf8"));
  const history = historyOf(summary, file.subarray(start + summaryBytes));
  const { size, withArchives, looked } = summary;
  const hash = (text: string) => Buffer.from(text, "base64");
  const nodes = summary.nodes.map((node) => ({ level: node.level, hash: hash(node.hash) }));
  const frontier = { size, nodes, edges: summary.edges.map((edge) => edge.map(hash)) };
  return history && { frontier, history, withArchives, looked };
}

function historyOf({ tables, changed, archivesUnread, newestMs }: Summary, bytes: Uint8Array): LeafHistory | undefined {
  let rest = bytes;
  const lengths = tables.values();
  const next = () => {
    const { value: length = 0 } = lengths.next();
    const part = rest.subarray(0, length);
    rest = rest.subarray(length);
    return part;
  };
  const [versions, packages] = [DigestTable.decode(0, next()), PackageHistories.decode(next(), changed)];
  const sequences = DigestTable.decode(SEQUENCE_WORDS, next());
  const statuses = DigestTable.decode(STATUS_WORDS, next());
  if (versions === undefined || packages === undefined || sequences === undefined || statuses === undefined) return;
  return { versions, packages, sequences, statuses, archivesUnread, newestMs };
}

function digestOf(parts: readonly Uint8Array[]): string {
  const digest = createHash("sha256");
  for (const part of parts) digest.update(part);
  return digest.digest("hex");
}
