/** @jsxImportSource preact */
import { MarkdownText } from "./markdown-text.tsx";
import { tabPath } from "./package-address.ts";
import { Empty, isWithheld, versionTab, Withheld } from "./version-tab.tsx";

/** The first tab of a version: its README. */
export const readmePage = versionTab({
  current: "",
  text: "README.md",
  load: (_, { root }, shown) => {
    if (isWithheld(shown)) return { children: <Withheld /> };
    const { text } = shown;
    const { name, version } = shown.version;
    const files = tabPath(name, version, "files");
    if (text !== undefined) {
      const place = { root, versionPath: tabPath(name, version, ""), path: "README.md" };
      return { children: <MarkdownText text={text} place={place} /> };
    }
    return {
      children: (
        <Empty>
          This version has no README. <a href={`${root}${files}`}>Look at its files</a>, or ask its publisher to add a
          README.md to the next version.
        </Empty>
      ),
    };
  },
});
