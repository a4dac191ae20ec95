/**
 * What a leaf and the archive do not say, and `log recover` needs to bring a change back. It lies
 * beside the leaf in the database, and beside the archives (static-tiles.ts). Nobody signs it, and
 * nothing that the log proves depends on it.
 */
export interface LeafDetails {
  /** When the change was made, as RFC 3339 with milliseconds. */
  readonly at?: string;
  /** The account that published a version. */
  readonly publisher?: { readonly id: string; readonly username: string };
  /** The reason of a yank (its category), or of a quarantine (in words). */
  readonly reason?: string;
  /** The words of a yank. */
  readonly message?: string;
  /** What to use instead of a yanked version. */
  readonly replacement?: string;
  /** What a change of the log keeps for ever: see `log_changes`. */
  readonly checkpoint?: string;
}

/** A leaf and its details, as the database keeps them. */
export interface StoredLeaf {
  readonly leaf: string;
  /** JSON of `LeafDetails`; null if there are none. */
  readonly details: string | null;
}

/** Returns the details of a version that an account published. */
export function versionDetails(
  { id, username }: { readonly id: string; readonly username: string },
  at: Date,
): LeafDetails {
  return { at: at.toISOString(), publisher: { id, username } };
}

/** Leaves the members out that are null. */
export function present(members: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(Object.entries(members).filter((member): member is [string, string] => member[1] !== null));
}

/** Formats the details of leaves, one line of JSON for each: `null` where there are none. */
export function detailsText(leaves: readonly Pick<StoredLeaf, "details">[]): string {
  return leaves.map(({ details }) => details ?? "null").join("\n");
}

/**
 * Parses the details of one leaf. Members of another form are left out, because the storage may
 * have been changed by others; then less comes back.
 */
export function parseDetails(text: string | null): LeafDetails {
  const found = text === null ? null : jsonOf(text);
  if (!isRecord(found)) return {};
  const texts = ["at", "reason", "message", "replacement", "checkpoint"] as const;
  const members = texts.flatMap((name) => (typeof found[name] === "string" ? [[name, found[name]]] : []));
  const { publisher } = found;
  const isPerson = isRecord(publisher) && typeof publisher.id === "string" && typeof publisher.username === "string";
  const who = isPerson ? { publisher: { id: String(publisher.id), username: String(publisher.username) } } : {};
  return { ...Object.fromEntries(members), ...who };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
