import { COSIGNATURE, parseVerifierKey, type VerifierKey } from "../tlog/note.ts";

/** A witness of this log, and where it accepts checkpoints. */
export interface WitnessAddress {
  readonly key: VerifierKey;
  /** The submission prefix, without a slash at the end. */
  readonly url: string;
}

/**
 * Reads `<verifier key> <address>`, as `cpm-registry witness` prints it. Undefined for anything
 * else.
 */
export function parseWitness(text: string): WitnessAddress | undefined {
  const [vkey = "", address = "", ...more] = text.trim().split(/\s+/);
  const key = parseVerifierKey(vkey);
  const url = URL.parse(address);
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.search === "" && url.hash === "";
  if (key?.type !== COSIGNATURE || !isPlain || more.length > 0) return undefined;
  return { key, url: url.href.replace(/\/+$/, "") };
}
