import { rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { checkArchive, packDirectory, withArchive } from "../client/checked-archive.ts";
import { clientFault } from "../client/client-fault.ts";
import { type ClientOptions, clientContext } from "./client-context.ts";
import { archiveDocument, archiveText, warningLines } from "./package-text.ts";

/** Options of `pack`. */
export interface PackOptions extends Pick<ClientOptions, "json" | "yes"> {
  readonly out: string | undefined;
  readonly list: boolean;
}

/** Packs a package into a file that is the same on every machine. */
export async function pack(given: PackOptions, directory = "."): Promise<number> {
  const { json, yes, out, list } = given;
  const context = clientContext({ json, yes });
  if (list) {
    return withArchive(directory, async (archive) => {
      const paths = archive.inspection.files.map(({ path }) => path);
      context.answer({ ...archiveDocument(archive), out: null }, paths.join("\n"));
      return 0;
    });
  }
  // Beside its place until it is known to be a package, so that no half or bad archive has its
  // name.
  const temporary = join(out === undefined ? "." : dirname(out), `.cpm-${crypto.randomUUID()}.cpm`);
  try {
    const { secretPaths } = await packDirectory(directory, temporary);
    const archive = await checkArchive(temporary, secretPaths);
    const path = out ?? `${archive.name}-${archive.version}.cpm`;
    await rename(temporary, path);
    for (const line of warningLines(archive)) context.prompt.note(line);
    context.answer(
      { ...archiveDocument(archive), out: resolve(path) },
      `${archiveText(archive)}\nPacked into ${path}.`,
    );
    return 0;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Checks a package by the rules of registries, without asking one. */
export async function check(given: Pick<ClientOptions, "json" | "yes">, target = "."): Promise<number> {
  const context = clientContext({ json: given.json, yes: given.yes });
  return withArchive(target, async (archive) => {
    const { secrets } = archive.inspection;
    for (const line of warningLines(archive)) context.prompt.note(line);
    if (secrets.length > 0) {
      const errors = secrets.map(({ path, line, kind }) => ({
        path: `${path}:${line}`,
        message: `looks like a secret (${kind})`,
      }));
      const detail =
        "Registries refuse packages with secrets:\nRemove them, and make new ones if they were ever published.";
      throw clientFault("refused", "client_secrets_found", detail, errors);
    }
    context.answer(
      { ...archiveDocument(archive), ok: true },
      `${archiveText(archive)}\nA registry would accept it, if name, key and limits allow. publish --dry-run asks.`,
    );
    return 0;
  });
}
