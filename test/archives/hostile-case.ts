import type { ArchiveFaultCode } from "../../src/archive/archive-fault.ts";
import type { ArchiveLimits } from "../../src/domain/limits.ts";
import { makeArchive, type RawEntry } from "../support/archive-maker.ts";

/**
 * The rules of docs/package-format.md in short. The number in a key groups them: 1 limits, 2 gzip,
 * 3 tar, 4 names, 5 which file is the manifest, 6 its YAML.
 */
export const RULES = {
  "1 compressed": "compressed 20 MiB",
  "1 unpacked": "unpacked 128 MiB",
  "1 entries": "10,000 entries",
  "1 manifest": "manifest 256 KiB",
  "2 gzip": "gzip, complete and with a header as RFC 1952 has it",
  "2 one member": "one member",
  "2 trailing": "no trailing bytes",
  "2 crc": "right CRC",
  "2 size": "right size",
  "3 checksum": "right checksums",
  "3 octal": "octal sizes",
  "3 base-256": "no base-256, but for owners and devices",
  "3 types": "types 0, NUL, 5, PAX x and g, GNU L",
  "3 links": "no links",
  "3 devices": "no devices",
  "3 gnu": "no GNU K/S",
  "3 long names": "one GNU L, whole, without a PAX path",
  "3 global": "a global g with a comment only, before an entry",
  "3 pax keys": "keys that every reader knows or ignores",
  "3 pax size": "size equals the header's",
  "3 pax padding": "nothing behind the records of a PAX header",
  "3 pax records": "PAX records as POSIX has them, before an entry",
  "3 end": "two zero blocks",
  "3 zeros": "after two zero blocks only zeros",
  "3 one reading": "nothing that two readers read differently",
  "4 backslash": "\\ read as /",
  "4 one ./": "one leading ./ stripped",
  "4 one .": "one . directory entry allowed",
  "4 utf-8": "UTF-8",
  "4 nfc": "NFC",
  "4 length": "at most 240 bytes",
  "4 depth": "depth 16",
  "4 traversal": "no ..",
  "4 absolute": "no absolute path",
  "4 drive": "no drive letter",
  "4 control": "no control character",
  "4 characters": 'no <>:"|?*',
  "4 trailing": "no trailing dot or space",
  "4 device name": "no Windows device name",
  "4 unique nfc": "unique under NFC",
  "4 unique case": "unique under lower-case",
  "4 file and directory": "no file that is also a directory",
  "5 one": "exactly one manifest",
  "5 spelled": "spelled colony.yaml",
  "5 root": "at the root",
  "6 document": "one document",
  "6 keys": "unique keys",
  "6 aliases": "no aliases",
  "6 tags": "no tags",
  "6 depth": "bounded depth",
  "6 text": "scalars as text where the client's struct has strings",
} as const;

export type Rule = keyof typeof RULES;

/** An archive that breaks one rule, and the code it is refused with. */
export interface HostileCase {
  readonly rule: Rule;
  readonly what: string;
  readonly code: ArchiveFaultCode;
  /** Built on demand, because some are large. */
  readonly archive: () => Uint8Array;
  /** Limits that are lower than the defaults. */
  readonly limits?: Partial<ArchiveLimits>;
}

export const MANIFEST = "name: hostile\nversion: 1.0.0\n";

/**
 * A package that breaks no rule and gets no warning. Hostile archives are this one with one change.
 */
export const SOUND: Readonly<Record<string, string>> = {
  "colony.yaml": MANIFEST,
  "values.yaml": "a: 1\n",
  "templates/a.json": "{}",
};

/** The members of the sound package, followed by others. */
export function soundAnd(...entries: readonly RawEntry[]): RawEntry[] {
  return [...Object.entries(SOUND).map(([name, content]) => ({ name, content })), ...entries];
}

/** The sound package with more members after its own. */
export function withEntries(...entries: readonly RawEntry[]): () => Uint8Array {
  return () => makeArchive(soundAnd(...entries));
}
