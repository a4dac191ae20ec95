/** @jsxImportSource preact */

import type { ArchiveFile } from "../../archive/inspect.ts";
import { encodedFilePath } from "../../domain/file-address.ts";
import { SHOWN_FILE_MAX_BYTES, SHOWN_TEXT_MAX_BYTES } from "../../domain/limits.ts";
import { failure } from "../../errors.ts";
import { findFile } from "../../packages/archive-file.ts";
import { decodedPath } from "../../packages/content-handlers.ts";
import { readVersionFiles } from "../../packages/contents.ts";
import { packageNameParam } from "../../packages/find-package.ts";
import { highlightingOfFile } from "../highlight/highlight.ts";
import type { WebDeps } from "../visit.ts";
import { Code } from "./code.tsx";
import { Crumbs, FileList } from "./file-list.tsx";
import { MarkdownText } from "./markdown-text.tsx";
import { tabPath } from "./package-address.ts";
import { downloadCommand } from "./package-frame.tsx";
import { isImagePath } from "./readme-links.ts";
import { Command, sizeText } from "./texts.tsx";
import { isWithheld, type OfTab, versionTab, Withheld } from "./version-tab.tsx";

interface OfFile extends OfTab {
  readonly file: ArchiveFile;
}

/** Reads a file as text; undefined if it is none, or too long for a page. */
async function textOf(deps: WebDeps, { shown: { version }, file }: OfFile): Promise<string | undefined> {
  if (file.size > SHOWN_TEXT_MAX_BYTES || isImagePath(file.path)) return undefined;
  const found = await findFile(deps, packageNameParam(version.name), version.version, file.path);
  const { bytes, isText } = await found.read();
  return isText ? new TextDecoder().decode(bytes) : undefined;
}

/** The path, the size, and other ways to see the file. */
function FileHead({ visit, shown, file, isRendered }: OfFile & { readonly isRendered: boolean }) {
  const { name, version } = shown.version;
  const isRaw = file.size <= SHOWN_FILE_MAX_BYTES;
  const isMarkdown = isMarkdownPath(file.path);
  return (
    <p class="file-head">
      <span>
        <Crumbs visit={visit} shown={shown} path={file.path} />
      </span>
      <span class="hint">{sizeText(file.size)}</span>
      {isMarkdown && isRendered && <a href="?view=source">Source</a>}
      {isMarkdown && !isRendered && <a href="?">Rendered</a>}
      {isRaw && <a href={`${visit.root}${tabPath(name, version, "")}/raw/${encodedFilePath(file.path)}`}>Raw</a>}
    </p>
  );
}

const isMarkdownPath = (path: string) => /\.(?:md|markdown)$/i.test(path);

/** A file that no page can show: what it is, and how to get it. */
function Facts({ visit, shown, file }: OfFile) {
  const { name, version } = shown.version;
  return (
    <>
      <p>
        {file.size > SHOWN_TEXT_MAX_BYTES ? "This file is too large for a page." : "This file is not text in UTF-8."}
      </p>
      <dl class="facts">
        <dt>Size</dt>
        <dd>{file.size.toLocaleString("en")} bytes</dd>
        <dt>SHA-256</dt>
        <dd>
          <code class="hex">{file.sha256}</code>
        </dd>
      </dl>
      <p>Download and unpack the whole package to get it:</p>
      <Command
        text={`${downloadCommand(visit, name, version)} --extract ${name}`}
        label="the command that downloads and unpacks this version"
      />
    </>
  );
}

interface ShownFileProps extends OfFile {
  readonly text: string | undefined;
  readonly isRendered: boolean;
}

function ShownFile({ text, isRendered, ...of }: ShownFileProps) {
  const { visit, shown, file } = of;
  const versionPath = tabPath(shown.version.name, shown.version.version, "");
  if (isImagePath(file.path) && file.size <= SHOWN_FILE_MAX_BYTES) {
    return (
      <img class="picture" src={`${visit.root}${versionPath}/images/${encodedFilePath(file.path)}`} alt={file.path} />
    );
  }
  if (text === undefined) return <Facts {...of} />;
  if (isRendered) return <MarkdownText text={text} place={{ root: visit.root, versionPath, path: file.path }} />;
  return <Code text={text} highlighting={highlightingOfFile(file.path)} label={file.path} />;
}

/** One file of a version, or one of its folders. */
export const filePage = versionTab({
  current: "files",
  load: async (deps, visit, shown) => {
    const path = decodedPath(visit.params["*"] ?? "");
    if (isWithheld(shown)) return { title: path, children: <Withheld /> };
    const { name, version } = shown.version;
    const { files } = await readVersionFiles(deps, packageNameParam(name), version);
    const file = files.find((one) => one.path === path);
    const folder = `${path.replace(/\/$/, "")}/`;
    if (file === undefined) {
      if (!files.some((one) => one.path.startsWith(folder))) throw failure({ code: "file_not_found", name, version });
      const children = (
        <>
          <p class="file-head">
            <Crumbs visit={visit} shown={shown} path={path} />
          </p>
          <FileList visit={visit} shown={shown} files={files} folder={folder} />
        </>
      );
      return { title: path, children };
    }
    const of = { visit, shown, file };
    const text = await textOf(deps, of);
    const isRendered = isMarkdownPath(path) && text !== undefined && visit.query.get("view") !== "source";
    const children = (
      <>
        <FileHead {...of} isRendered={isRendered} />
        <ShownFile {...of} text={text} isRendered={isRendered} />
      </>
    );
    return { title: path, children };
  },
});
