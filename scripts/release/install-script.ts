import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Returns `deploy/install.sh` with the release key and the address of the release in it. Throws if
 * either cannot be written into the script.
 */
export function installScript(
  root: string,
  { key, baseUrl }: { readonly key: string; readonly baseUrl: string | undefined },
): string {
  const values = { RELEASE_KEY: key, BASE_URL: baseUrl ?? "" };
  return Object.entries(values).reduce(
    (text, [name, value]) => {
      if (!/^[\w+/=:.~ -]*$/.test(value)) throw new Error(`${value} cannot be written into install.sh.`);
      const line = `\n${name}=''\n`;
      if (!text.includes(line)) throw new Error(`deploy/install.sh has no line ${name}=''.`);
      return text.replace(line, () => `\n${name}='${value}'\n`);
    },
    readFileSync(join(root, "deploy/install.sh"), "utf8"),
  );
}
