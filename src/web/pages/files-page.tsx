/** @jsxImportSource preact */
import { readVersionFiles } from "../../packages/contents.ts";
import { packageNameParam } from "../../packages/find-package.ts";
import { FileList } from "./file-list.tsx";
import { isWithheld, versionTab, Withheld } from "./version-tab.tsx";

/** The tab with the files of the archive. */
export const filesPage = versionTab({
  current: "files",
  load: async (deps, visit, shown) => {
    const title = "Files";
    if (isWithheld(shown)) return { title, children: <Withheld /> };
    const { name, version } = shown.version;
    const { files } = await readVersionFiles(deps, packageNameParam(name), version);
    return { title, children: <FileList visit={visit} shown={shown} files={files} folder="" /> };
  },
});
