import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { userName } from "./data-owner.ts";

const ROOT = 0;
const REFUSED = ["EACCES", "EPERM"];

/** What the system says of a path that it refused. */
interface RefusedPath {
  readonly path: string;
  readonly syscall: string;
}

/**
 * Returns what an operator does so that this process may use a path that the system refused to it.
 * Undefined for any other error, for root, and on systems without owners of files.
 */
export function permissionAdvice(cause: unknown): string | undefined {
  const [refused, uid, gid] = [refusedPath(cause), process.getuid?.(), process.getgid?.()];
  if (refused === undefined || gid === undefined || uid === undefined || uid === ROOT) return undefined;
  const { path, syscall } = refused;
  const user = userName(uid);
  const why = `the user ${user} may not use ${path}`;
  if (existsSync(path)) {
    const own = ownDirectoryAbove(path, uid);
    const command = own === undefined ? `chown ${user}: ${path}` : `chown -R ${user}: ${own}`;
    return `${why}. As root, run: ${command}`;
  }
  if (syscall === "mkdir") return `${why}. As root, run: install -d -m 700 -o ${user} -g ${gid} ${path}`;
  return `${why}. Let that user write to ${dirname(path)}, or name another place.`;
}

function refusedPath(cause: unknown): RefusedPath | undefined {
  for (let error = cause; error instanceof Error; error = error.cause) {
    const { code, path, syscall } = error as NodeJS.ErrnoException;
    if (REFUSED.includes(code ?? "") && path !== undefined) return { path, syscall: syscall ?? "" };
  }
  return undefined;
}

/** The nearest directory above a path that belongs to the user: what lies in it is another user's. */
function ownDirectoryAbove(path: string, uid: number): string | undefined {
  for (let above = dirname(path); above !== dirname(above); above = dirname(above)) {
    if (statSync(above, { throwIfNoEntry: false })?.uid === uid) return above;
  }
  return undefined;
}
