import { readdir } from "node:fs/promises";
import { resolve } from "node:path";
import { MANIFEST, packageNameOf, writeNewPackage } from "../client/new-package.ts";
import { explainPackageName } from "../domain/package-name.ts";
import { counted } from "../runtime/counted.ts";
import { type ClientContext, type ClientOptions, clientContext } from "./client-context.ts";
import { confirm } from "./confirm.ts";
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
  if (given.name === undefined && resolve(directory) === process.cwd()) await confirmHere(context, name);
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

/**
 * Somebody who names neither a directory nor a package may be in the wrong place, such as at home.
 * What cannot be a package anyway is refused with its own words.
 */
async function confirmHere(context: ClientContext, name: string): Promise<void> {
  const names = await readdir(".");
  const others = names.filter((each) => !each.startsWith("."));
  if (others.length === 0 || names.includes(MANIFEST) || explainPackageName(name) !== undefined) return;
  const beside = counted(others.length, "other file");
  await confirm(
    context,
    `Make a package named ${name} in this directory, beside ${beside}?`,
    "--name <name>, or --yes",
  );
}
