import { resolve } from "node:path";
import type { Config } from "../config/config.ts";

/** Quotes a word for a shell if it needs quotes. */
function quoted(word: string): string {
  return /^[\w./:@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Explains how to create the first account of a registry on which nobody can register. */
export function firstAccountText({ dataDir }: Pick<Config, "dataDir">, configFile: string | undefined): string {
  const words = [
    ...(dataDir === resolve("App_Data") ? [] : [`DATA_DIR=${quoted(dataDir)}`]),
    "cpm-registry admin create <username> --admin",
    ...(configFile === undefined ? [] : [`--config ${quoted(configFile)}`]),
  ];
  return [
    "There is no account yet, and REGISTRATION is closed. Create the first account with the settings of this server:",
    `  ${words.join(" ")}`,
  ].join("\n");
}
