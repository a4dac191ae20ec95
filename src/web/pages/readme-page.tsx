/** @jsxImportSource preact */
import type { PageSpec } from "../handlers.ts";
import { tabPage } from "./package-frame.tsx";
import { isAliasOf, shownVersionOf, textOrNone } from "./shown-version.ts";

/** The first tab of a version: its README. */
export const readmePage: PageSpec = {
  audience: "reader",
  isShared: true,
  load: async (deps, visit) => {
    const shown = await shownVersionOf(deps, visit);
    const readme = await textOrNone(deps, shown, "README.md");
    const children =
      readme === undefined ? (
        <p class="empty">This package has no README. Its publisher can add a README.md to the next version.</p>
      ) : (
        <pre>{readme}</pre>
      );
    return { ...tabPage(visit, shown, { current: "", children }), isAlias: isAliasOf(visit, shown) };
  },
};
