import packageFile from "../../package.json" with { type: "json" };

/** The version of this registry, from package.json. */
export const VERSION: string = packageFile.version;

/** Set by scripts/build.ts. From source there is no such name. */
declare const BUILD_COMMIT: string | undefined;

/** What this program was made of: its version, the commit of its source, and its Bun. */
export const BUILD = {
  version: VERSION,
  commit: typeof BUILD_COMMIT === "string" ? BUILD_COMMIT : "unknown",
  bun: Bun.version,
} as const;
