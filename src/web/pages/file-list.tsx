/** @jsxImportSource preact */

import type { ArchiveFile } from "../../archive/inspect.ts";
import { encodedFilePath } from "../../domain/file-address.ts";
import { tabPath } from "./package-address.ts";
import { TableRegion } from "./table-region.tsx";
import { countText, sizeText } from "./texts.tsx";
import type { OfTab } from "./version-tab.tsx";

/** A package with more files is shown a folder at a time. */
const FLAT_MAX = 200;
/** The most rows of a list. */
const ROWS_MAX = 1_000;

interface Entry {
  /** Below the folder that is listed. A folder ends with a slash. */
  readonly name: string;
  readonly size: number;
  /** The number of files in a folder; undefined for a file. */
  readonly files?: number;
}

/** Lists what is directly in a folder, folders first. `folder` is empty or ends with a slash. */
export function entriesOf(files: readonly ArchiveFile[], folder: string): Entry[] {
  const folders = new Map<string, { name: string; size: number; files: number }>();
  const plain: Entry[] = [];
  for (const { path, size } of files) {
    if (!path.startsWith(folder)) continue;
    const rest = path.slice(folder.length);
    const end = rest.indexOf("/") + 1;
    if (end === 0) {
      plain.push({ name: rest, size });
      continue;
    }
    const name = rest.slice(0, end);
    const known = folders.get(name) ?? { name, size: 0, files: 0 };
    known.size += size;
    known.files += 1;
    folders.set(name, known);
  }
  return [...folders.values(), ...plain];
}

/** The path of a file or folder as links to each folder above it. */
export function Crumbs({ visit: { root }, shown, path }: OfTab & { readonly path: string }) {
  const files = `${root}${tabPath(shown.version.name, shown.version.version, "files")}`;
  const parts = path.split("/").filter((part) => part !== "");
  return (
    <>
      <a href={files}>Files</a>
      {parts.map((part, at) => (
        <span key={parts.slice(0, at + 1).join("/")}>
          {" / "}
          {at === parts.length - 1 ? (
            <strong>{part}</strong>
          ) : (
            <a href={`${files}/${encodedFilePath(parts.slice(0, at + 1).join("/"))}`}>{part}</a>
          )}
        </span>
      ))}
    </>
  );
}

interface FileListProps extends OfTab {
  readonly files: readonly ArchiveFile[];
  /** Empty for the whole package; otherwise it ends with a slash. */
  readonly folder: string;
}

/** The files of a package or of one of its folders, with their sizes. */
export function FileList({ visit: { root }, shown, files, folder }: FileListProps) {
  const isFlat = folder === "" && files.length <= FLAT_MAX;
  const entries: readonly Entry[] = isFlat
    ? files.map(({ path, size }) => ({ name: path, size }))
    : entriesOf(files, folder);
  const base = `${root}${tabPath(shown.version.name, shown.version.version, "files")}`;
  const total = files.reduce((sum, { path, size }) => sum + (path.startsWith(folder) ? size : 0), 0);
  return (
    <>
      <TableRegion label="Files">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col" class="number">
              Size
            </th>
          </tr>
        </thead>
        <tbody>
          {entries.slice(0, ROWS_MAX).map(({ name, size, files: count }) => (
            <tr key={name}>
              <td>
                <a href={`${base}/${encodedFilePath(folder + name.replace(/\/$/, ""))}`}>{name}</a>
                {count !== undefined && <span class="hint"> {countText(count, "file")}</span>}
              </td>
              <td class="number">{sizeText(size)}</td>
            </tr>
          ))}
        </tbody>
      </TableRegion>
      <p class="hint">
        {entries.length > ROWS_MAX && `The first ${ROWS_MAX} of ${entries.length.toLocaleString("en")} entries. `}
        {sizeText(total)} unpacked, {sizeText(shown.version.size)} as one archive.
      </p>
    </>
  );
}
