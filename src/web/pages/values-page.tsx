/** @jsxImportSource preact */
import { SHOWN_TEXT_MAX_BYTES } from "../../domain/limits.ts";
import { highlightingOf } from "../highlight/highlight.ts";
import { Code } from "./code.tsx";
import { tabPath } from "./package-address.ts";
import { countText, sizeText } from "./texts.tsx";
import { Empty, isWithheld, versionTab, Withheld } from "./version-tab.tsx";

/** The tab with the default values of the templates. */
export const valuesPage = versionTab({
  current: "values",
  text: "values.yaml",
  load: (_, { root }, shown) => {
    const title = "Values";
    if (isWithheld(shown)) return { title, children: <Withheld /> };
    const { text } = shown;
    if (text === undefined) {
      return {
        title,
        children: <Empty>This version has no values.yaml, so its templates have no default values.</Empty>,
      };
    }
    const raw = `${root}${tabPath(shown.version.name, shown.version.version, "")}/raw/values.yaml`;
    const sizeBytes = Buffer.byteLength(text);
    const isShown = sizeBytes <= SHOWN_TEXT_MAX_BYTES;
    return {
      title,
      children: (
        <>
          <p class="file-head">
            <strong>values.yaml</strong>
            <span class="hint">
              {countText(text.split("\n").length - (text.endsWith("\n") ? 1 : 0), "line")}, {sizeText(sizeBytes)}
            </span>
            <a href={raw}>Raw</a>
          </p>
          {isShown && <Code text={text} highlighting={highlightingOf("yaml")} label="values.yaml" />}
          {!isShown && <Empty>It is too long for this page. Open it raw.</Empty>}
        </>
      ),
    };
  },
});
