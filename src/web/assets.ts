import { createHash } from "node:crypto";
import { brotliCompressSync } from "node:zlib";
import icon from "./icon.svg" with { type: "text" };
import script from "./page.browser.js" with { type: "text" };
import styles from "./page.css" with { type: "text" };
import verify from "./verify.browser.js" with { type: "text" };

/*
 * Styles, scripts and the icon of the pages. They are embedded, and served under names with a hash
 * of their bytes, so that browsers never ask for one again.
 */

interface Asset {
  /** The name below `assets/`. */
  readonly fileName: string;
  readonly contentType: string;
  readonly text: string;
}

function asset(name: string, extension: string, contentType: string, text: string): Asset {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 12);
  return { fileName: `${name}-${hash}.${extension}`, contentType, text };
}

/** The assets by the names that pages know them by. */
export const ASSETS = {
  styles: asset("page", "css", "text/css; charset=utf-8", styles),
  script: asset("page", "js", "text/javascript; charset=utf-8", script),
  verify: asset("verify", "js", "text/javascript; charset=utf-8", verify),
  icon: asset("icon", "svg", "image/svg+xml", icon),
} as const;

/** The name of an asset in the code. */
export type AssetName = keyof typeof ASSETS;

const BY_FILE_NAME: ReadonlyMap<string, Asset> = new Map(Object.values(ASSETS).map((one) => [one.fileName, one]));
const compressed = new Map<string, Uint8Array<ArrayBuffer>>();

/** Each form of an asset is made once, when a browser first wants it. */
function encoded({ fileName, text }: Asset, coding: "br" | "gzip"): Uint8Array<ArrayBuffer> {
  const key = `${coding} ${fileName}`;
  const known = compressed.get(key);
  if (known !== undefined) return known;
  const made = coding === "br" ? new Uint8Array(brotliCompressSync(text)) : Bun.gzipSync(text);
  compressed.set(key, made);
  return made;
}

/** Returns the response for a file below `assets/`; undefined if there is none of that name. */
export function assetResponse(fileName: string, { headers }: Request): Response | undefined {
  const found = BY_FILE_NAME.get(fileName);
  if (found === undefined) return undefined;
  const accepted = headers.get("accept-encoding") ?? "";
  const coding = (["br", "gzip"] as const).find((one) =>
    new RegExp(`\\b${one}\\b(?!\\s*;\\s*q=0(?:\\.0*)?\\b)`).test(accepted),
  );
  return new Response(coding === undefined ? found.text : encoded(found, coding), {
    headers: {
      "content-type": found.contentType,
      "cache-control": "public, max-age=31536000, immutable",
      vary: "Accept-Encoding",
      ...(coding === undefined ? {} : { "content-encoding": coding }),
    },
  });
}
