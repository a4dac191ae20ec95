import { parseJsonText } from "../domain/json-text.ts";
import type { Checkpoint } from "../tlog/checkpoint.ts";
import { decodeBase64 } from "../tlog/encoding.ts";
import { verifyConsistency } from "../tlog/merkle.ts";
import { type RegistryClient, RegistryFault } from "./registry-client.ts";

type Tree = Pick<Checkpoint, "size" | "root">;

/**
 * Returns whether a tree is a prefix of another, by the registry's proof. Throws `RegistryFault`.
 */
export async function continues(client: RegistryClient, before: Tree, now: Tree): Promise<boolean> {
  if (before.size === now.size) return before.root.equals(now.root);
  const hashes = before.size === 0 ? [] : await fetchConsistency(client, before.size, now.size);
  return hashes !== undefined && verifyConsistency(hashes, before.size, before.root, now.size, now.root);
}

/**
 * Fetches a consistency proof. Returns undefined if the registry has none, though it published both
 * trees.
 */
async function fetchConsistency(client: RegistryClient, from: number, to: number): Promise<Buffer[] | undefined> {
  try {
    return proofOf(parseJsonText(await client.text(`/api/log/consistency?from=${from}&to=${to}`)));
  } catch (cause) {
    if (cause instanceof SyntaxError || (cause instanceof RegistryFault && cause.isMissing)) return undefined;
    throw cause;
  }
}

function proofOf(answer: unknown): Buffer[] | undefined {
  if (typeof answer !== "object" || answer === null || !("proof" in answer) || !Array.isArray(answer.proof)) return;
  const hashes = answer.proof.map((text) => (typeof text === "string" ? decodeBase64(text) : undefined));
  return hashes.every((hash) => hash !== undefined) ? hashes : undefined;
}
