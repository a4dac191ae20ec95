import { resolve } from "node:path";
import type { Config } from "../config/config.ts";

/** A word as a shell takes it. */
function quoted(word: string): string {
  return /^[\w./:@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** How to make the first account of a registry where nobody can register. */
export function firstAccountText({ dataDir }: Pick<Config, "dataDir">, configFile: string | undefined): string {
  const words = [
    ...(dataDir === resolve("App_Data") ? [] : [`DATA_DIR=${quoted(dataDir)}`]),
    "cpm-registry admin create <username> --admin",
    ...(configFile === undefined ? [] : [`--config ${quoted(configFile)}`]),
  ];
  return [
    "Nobody has an account yet, and REGISTRATION is closed. With the settings of this server, make the first one:",
    `  ${words.join(" ")}`,
  ].join("\n");
}
