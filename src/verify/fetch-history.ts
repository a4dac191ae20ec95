import { parseJsonText } from "../domain/json-text.ts";
import { decodeBase64 } from "../tlog/encoding.ts";
import type { ProvedLeaf } from "../tlog/history.ts";
import { HASH_BYTES } from "../tlog/merkle.ts";
import { type RegistryClient, RegistryFault } from "./registry-client.ts";

/** More than any honest package has: a hostile answer must not fill the memory. */
const LEAVES_MAX = 10_000;
/** A registry splits its answers into much smaller pages. */
const PAGE_MAX_BYTES = 2 * 1024 * 1024;

/**
 * Asks a registry for the leaves that say who may sign a package, proved to be in the tree of
 * `size` leaves. Throws `RegistryFault` if it does not answer, or if its answer is not that of a
 * registry.
 */
export async function fetchHistory(
  client: RegistryClient,
  { name, version }: { readonly name: string; readonly version: string },
  size: number,
): Promise<ProvedLeaf[]> {
  const path = `/api/packages/${encodeURIComponent(name)}/log?version=${encodeURIComponent(version)}&size=${size}`;
  const leaves: ProvedLeaf[] = [];
  let after = -1;
  while (leaves.length <= LEAVES_MAX) {
    const page = await client.bytes(after < 0 ? path : `${path}&after=${after}`, PAGE_MAX_BYTES);
    const { entries, next } = readPage(Buffer.from(page).toString("utf8"), client);
    leaves.push(...entries);
    if (next === null) return leaves;
    if (entries.length === 0 || !(next > after)) break;
    after = next;
  }
  throw new RegistryFault(`${client.url} answers leaves of ${name} without an end`);
}

interface Page {
  readonly entries: readonly ProvedLeaf[];
  readonly next: number | null;
}

function readPage(text: string, { url }: RegistryClient): Page {
  const malformed = () => new RegistryFault(`${url} does not answer the log of a package as a registry does`);
  const answer = parsed(text);
  if (typeof answer !== "object" || answer === null || !("entries" in answer) || !("next" in answer)) throw malformed();
  const { entries, next } = answer;
  if (!Array.isArray(entries) || (next !== null && typeof next !== "number")) throw malformed();
  const leaves = entries.map(readEntry);
  const whole = leaves.filter((leaf) => leaf !== undefined);
  if (whole.length !== leaves.length) throw malformed();
  return { entries: whole, next };
}

function parsed(text: string): unknown {
  try {
    return parseJsonText(text);
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}

function readEntry(entry: unknown): ProvedLeaf | undefined {
  if (typeof entry !== "object" || entry === null) return undefined;
  const { index, leaf, proof } = entry as { index?: unknown; leaf?: unknown; proof?: unknown };
  if (typeof index !== "number" || typeof leaf !== "string" || !Array.isArray(proof)) return undefined;
  const hashes = proof.map((hash) => (typeof hash === "string" ? decodeBase64(hash) : undefined));
  const whole = hashes.filter((hash) => hash?.length === HASH_BYTES).filter((hash) => hash !== undefined);
  return whole.length === hashes.length ? { index, leaf: Buffer.from(leaf), hashes: whole } : undefined;
}
