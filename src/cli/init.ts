import { resolve } from "node:path";
import { packageNameOf, writeNewPackage } from "../client/new-package.ts";
import { type ClientOptions, clientContext } from "./client-context.ts";
import { listText } from "./table.ts";

/** Options of `init`. */
export interface InitOptions extends Pick<ClientOptions, "json" | "yes"> {
  readonly name: string | undefined;
  readonly description: string;
}

/** Writes the files of a new package. */
export async function init(given: InitOptions, directory = "."): Promise<number> {
  const context = clientContext({ json: given.json, yes: given.yes });
  const name = given.name ?? packageNameOf(directory);
  const { settings, credentials } = context;
  const origin = URL.parse(settings.registry ?? (await context.home.config()).registry ?? "")?.origin ?? "";
  const maintainer = (await credentials.of(origin))?.username;
  const written = await writeNewPackage(directory, { name, description: given.description, maintainer });
  const next =
    directory === "."
      ? "cpm-registry publish"
      : `cd ${/^[\w./-]+$/.test(directory) ? directory : `'${directory}'`} && cpm-registry publish`;
  const lines = listText(`Package ${name} 0.1.0 is in ${resolve(directory)}:`, written);
  context.answer(
    { name, version: "0.1.0", directory: resolve(directory), files: written },
    [...lines, `Next: ${next}`].join("\n"),
  );
  return 0;
}
