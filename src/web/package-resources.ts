import { jsonResponse, textResponse } from "../http/conditional-response.ts";
import { readPackageLog, readProofWithHistory } from "../keys/read-package-log.ts";
import { readState } from "../log/log-rows.ts";
import { downloadHandler, fileHandler } from "../packages/content-handlers.ts";
import { packageNameParam } from "../packages/find-package.ts";
import { loadNamedVersion } from "../packages/find-version.ts";
import type { Visit, WebDeps } from "./visit.ts";

/*
 * Files that pages link to: what the API gives at its own addresses, for the session of a browser.
 * Visitors are whole accounts, so they may read every package.
 */

const readsAll = { mayRead: () => true } as const;

function versionParams({ params: { name = "", version = "" } }: Visit) {
  return { name, version };
}

/** Responds with the archive of a version. It counts as a download. */
export function archiveResource(deps: WebDeps, visit: Visit): Promise<Response> {
  return downloadHandler(deps)({ params: versionParams(visit), request: visit.request, ...readsAll });
}

/** Responds with one file of an archive as it is, as text or as bytes. */
export function rawFileResource(deps: WebDeps, visit: Visit): Promise<Response> {
  const params = { ...versionParams(visit), "*": visit.params["*"] ?? "" };
  return fileHandler(deps)({ params, request: visit.request, ...readsAll });
}

/** Responds with the proof of a version, to keep and to verify offline. */
export async function proofResource(deps: WebDeps, visit: Visit): Promise<Response> {
  const { name, version } = versionParams(visit);
  const { row } = await deps.db.read((session) => loadNamedVersion(session, packageNameParam(name), version));
  return textResponse(visit.request, await readProofWithHistory(deps, row), "text/plain; charset=utf-8");
}

/** Responds with what the script of the trust tab verifies: the log's key, and the proved leaves. */
export async function verificationResource(deps: WebDeps, visit: Visit): Promise<Response> {
  const { name, version } = versionParams(visit);
  const question = { version, size: undefined, after: undefined };
  const log = await readPackageLog(deps, packageNameParam(name), question);
  const { vkey } = await deps.db.read(readState);
  return jsonResponse(visit.request, { ...log, vkey });
}
