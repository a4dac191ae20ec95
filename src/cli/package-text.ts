import type { CheckedArchive } from "../client/checked-archive.ts";
import { escapeUnprintable } from "../runtime/printable.ts";
import { bytesText, listText } from "./table.ts";

/** Describes an archive to the person who is about to publish it: name, files, size, digest. */
export function archiveText({ name, version, inspection, size, digest }: CheckedArchive): string {
  const { files } = inspection;
  const listed = files.map((file) => `${file.path}  ${bytesText(file.size)}`);
  return [
    ...listText(`${name} ${version}, ${files.length} ${files.length === 1 ? "file" : "files"}:`, listed),
    `  size     ${bytesText(size)} packed`,
    `  sha256   ${digest}`,
  ].join("\n");
}

/** Lists what the publisher should know, one line each. */
export function warningLines({ inspection, secretPaths }: CheckedArchive): string[] {
  const { warnings, secrets } = inspection;
  return [
    ...secretPaths.map((path) => `Left out because it looks like a key: ${path}`),
    ...warnings.map(({ message }) => `Warning: ${message}`),
    ...secrets.map(({ path, line, kind }) => `Warning: ${path} line ${line} looks like a secret (${kind})`),
  ].map(escapeUnprintable);
}

/** The same as a document. */
export function archiveDocument({ name, version, inspection, size, digest, secretPaths }: CheckedArchive) {
  const { files, warnings } = inspection;
  return { name, version, size, sha256: digest, files, warnings, leftOut: secretPaths };
}
