import { isLoopback } from "./host.ts";
import type { SettingReader } from "./setting-reader.ts";

/** The address of a registry. */
export interface PublicAddress {
  /** Without a trailing slash; may end in a path prefix. */
  readonly publicUrl: string;
  /**
   * True if `PUBLIC_URL` is not set although other machines may reach the server. Then links have
   * the address that the client used.
   */
  readonly followsHost: boolean;
}

/** Reads `PUBLIC_URL`. */
export function readPublicUrl(reader: SettingReader, host: string, port: number): PublicAddress {
  const text = reader.text("PUBLIC_URL");
  const fallback = port === 80 ? "http://localhost" : `http://localhost:${port}`;
  if (text === undefined) return { publicUrl: fallback, followsHost: !isLoopback(host) };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url !== undefined && url.search === "" && url.hash === "" && url.username === "" && url.password === "";
  if (plain && (url.protocol === "http:" || url.protocol === "https:")) {
    return { publicUrl: (url.origin + url.pathname).replace(/\/+$/, ""), followsHost: false };
  }
  reader.reject(
    "PUBLIC_URL",
    "must be an http:// or https:// address without a query, such as https://cpm.example.org/registry",
  );
  return { publicUrl: fallback, followsHost: false };
}
