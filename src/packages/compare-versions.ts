import type { ArchiveFile } from "../archive/inspect.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { Turns } from "../runtime/turns.ts";
import { type FileContent, readContents } from "./archive-file.ts";
import { compareManifests, type ManifestChanges } from "./compare-manifests.ts";
import { type Change, compareValues } from "./compare-values.ts";
import { readValues, readVersionFiles } from "./contents.ts";
import { digestOf } from "./find-version.ts";
import { manifestFrom } from "./records.ts";
import { diffTexts, type Hunk } from "./text-diff.ts";
import type { VersionRow } from "./views.ts";

/** A longer text is not compared by its lines. */
const DIFF_FILE_MAX_BYTES = 64 * 1_024;
/** The sizes of all texts of one version that are compared by their lines, in sum. */
const DIFFS_MAX_BYTES = 256 * 1_024;
const DIFFS_MAX = 50;

/** A file that two versions do not have alike. */
export interface FileChange {
  readonly path: string;
  /** Bytes; undefined for a file that was added. */
  readonly fromSize: number | undefined;
  /** Bytes; undefined for a file that was removed. */
  readonly toSize: number | undefined;
  /** Undefined for a file that is no text, or too long or too different to be compared. */
  readonly hunks: readonly Hunk[] | undefined;
}

/** What is different in a version since another one. */
export interface VersionChanges extends ManifestChanges {
  readonly from: string;
  readonly to: string;
  /** Undefined if a `values.yaml` cannot be read. */
  readonly values: readonly Change[] | undefined;
  readonly files: readonly FileChange[];
}

interface Side {
  readonly row: VersionRow;
  readonly files: readonly ArchiveFile[];
}

interface Pair {
  readonly path: string;
  readonly from: ArchiveFile | undefined;
  readonly to: ArchiveFile | undefined;
}

function changedPairs(from: Side, to: Side): Pair[] {
  const before = new Map(from.files.map((file) => [file.path, file]));
  const after = new Map(to.files.map((file) => [file.path, file]));
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort((a, b) => (a < b ? -1 : 1));
  return paths
    .map((path) => ({ path, from: before.get(path), to: after.get(path) }))
    .filter((pair) => pair.from?.sha256 !== pair.to?.sha256);
}

/** Chooses which of the changed files are read, so that the work for one page stays small. */
function readable(pairs: readonly Pair[]): { readonly from: ArchiveFile[]; readonly to: ArchiveFile[] } {
  const chosen = { from: [] as ArchiveFile[], to: [] as ArchiveFile[] };
  let left = { from: DIFFS_MAX_BYTES, to: DIFFS_MAX_BYTES };
  for (const { from, to } of pairs) {
    if (from === undefined || to === undefined || chosen.from.length >= DIFFS_MAX) continue;
    if (Math.max(from.size, to.size) > DIFF_FILE_MAX_BYTES || from.size > left.from || to.size > left.to) continue;
    left = { from: left.from - from.size, to: left.to - to.size };
    chosen.from.push(from);
    chosen.to.push(to);
  }
  return chosen;
}

const decoder = new TextDecoder();
const textOf = (content: FileContent | undefined) =>
  content?.isText === true ? decoder.decode(content.bytes) : undefined;

/** Reads some files of one version. A version without any is not unpacked. */
function contentsOf(deps: Pick<Deps, "blobs">, { row }: Side, files: readonly ArchiveFile[]) {
  const blob = { digest: digestOf(row), size: row.size };
  return files.length === 0 ? new Map<string, FileContent>() : readContents(deps, { blob, files });
}

async function fileChanges(deps: Pick<Deps, "blobs">, from: Side, to: Side): Promise<readonly FileChange[]> {
  const pairs = changedPairs(from, to);
  const chosen = readable(pairs);
  // One after the other: each holds a place among those that unpack.
  const before = await contentsOf(deps, from, chosen.from);
  const after = await contentsOf(deps, to, chosen.to);
  const turns = new Turns();
  const files: FileChange[] = [];
  for (const pair of pairs) {
    const [old, now] = [textOf(before.get(pair.path)), textOf(after.get(pair.path))];
    const hunks = old === undefined || now === undefined ? undefined : diffTexts(old, now);
    files.push({ path: pair.path, fromSize: pair.from?.size, toSize: pair.to?.size, hunks });
    await turns.pause();
  }
  return files;
}

/**
 * Compares two versions of a package: manifest, inputs and values by what they mean, files by their
 * bytes, and short texts by their lines. Throws `package_not_found`, `version_not_found`,
 * `quarantined`, `busy`, and what the storage throws.
 */
export async function readVersionChanges(
  deps: Pick<Deps, "db" | "blobs">,
  name: PackageName,
  asked: { readonly from: string; readonly to: string },
): Promise<VersionChanges> {
  const [from, to, oldValues, newValues] = await Promise.all([
    readVersionFiles(deps, name, asked.from),
    readVersionFiles(deps, name, asked.to),
    readValues(deps, name, asked.from),
    readValues(deps, name, asked.to),
  ]);
  return {
    from: from.row.version,
    to: to.row.version,
    ...compareManifests(manifestFrom(from.row.manifest), manifestFrom(to.row.manifest)),
    values: compareValues(oldValues, newValues),
    files: await fileChanges(deps, from, to),
  };
}
