import { Database as BunDatabase } from "bun:sqlite";
import { errorCode } from "../errors.ts";
import { faultCode } from "../runtime/fault-codes.ts";

/**
 * Takes a lock that ends with this process, however it ends: the operating system releases the lock
 * of a file of SQLite. Returns what releases it, or undefined if another process has it.
 *
 * With `isOptional`, a place where nothing can be written counts as locked by us: nobody else can
 * change anything there either.
 */
export function takeProcessLock(path: string, isOptional = false): (() => void) | undefined {
  let client: BunDatabase | undefined;
  try {
    client = new BunDatabase(path, { create: true, readwrite: true });
    client.run("PRAGMA busy_timeout = 0");
    // The lock is on the file itself, so nothing is written beside it.
    client.run("PRAGMA journal_mode = MEMORY");
    client.run("BEGIN EXCLUSIVE");
    const held = client;
    return () => held.close();
  } catch (cause) {
    client?.close();
    const code = errorCode(cause);
    if (code?.startsWith("SQLITE_BUSY")) return undefined;
    const kind = faultCode(code)?.kind;
    if (isOptional && (kind === "unwritable" || code?.startsWith("SQLITE_CANTOPEN"))) return () => undefined;
    throw cause;
  }
}
