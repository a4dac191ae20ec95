import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Config, readConfig } from "../config/config.ts";

/** A command may not use the data directory as this user. The message has the line to type. */
export class DataOwnerError extends Error {
  override readonly name = "DataOwnerError";
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const ROOT = 0;
const MADE_BY_SERVERS = ["registry.db", "packages"];

/**
 * Reads the settings for a command that opens the data directory, and makes the process the user
 * whom that directory belongs to. A file that root leaves there, such as `registry.db-wal` or an
 * archive that `fsck` set aside, cannot be read by the server. A command that signs nothing also
 * runs without the keys that a server with Postgres needs. Throws `DataOwnerError`.
 */
export function readOfflineConfig(
  configFile: string | undefined,
  signing: Parameters<typeof readConfig>[2] = "signs",
): Config {
  const config = readConfig(configFile, undefined, signing);
  becomeDataOwner(config.dataDir);
  return config;
}

/** Makes the process the user whom the data directory belongs to. Throws `DataOwnerError`. */
export function becomeDataOwner(dataDir: string): void {
  const uid = process.getuid?.();
  const owner = ownerOf(dataDir, uid);
  if (uid === undefined || owner === undefined || owner.uid === uid) return;
  if (uid !== ROOT) throw new DataOwnerError(`${belongsTo(dataDir, owner)}. As root, run: ${commandAs(owner)}`);
  try {
    process.setgroups?.([owner.gid]);
    process.setgid?.(owner.gid);
    process.setuid?.(owner.uid);
  } catch {
    throw new DataOwnerError(
      `${belongsTo(dataDir, owner)}, and root may not change to that user here. Run: ${commandAs(owner)}`,
    );
  }
}

/**
 * Makes a server that root starts the user whom the data directory belongs to. Another user may be
 * in a group that can write there, so it gets a line for the operator. Throws `DataOwnerError` if
 * root may not change its user.
 */
export function serveAsDataOwner(dataDir: string): string | undefined {
  const uid = process.getuid?.();
  const owner = ownerOf(dataDir, uid);
  if (uid === undefined || owner === undefined || owner.uid === uid) return undefined;
  if (uid === ROOT) {
    becomeDataOwner(dataDir);
    return undefined;
  }
  const others = `${userName(owner.uid)} cannot read what it writes there`;
  return `${belongsTo(dataDir, owner)}, but this server runs as ${userName(uid)}: ${others}. Run: ${commandAs(owner)}`;
}

/**
 * Finds the user of a data directory: the owner of what a server made in it, or of the directory
 * itself. Undefined if everything belongs to root. In an empty directory it is also undefined for a
 * user other than root who may write there: OpenShift gives each project a user of its own, in a
 * group that owns the volume.
 */
function ownerOf(dataDir: string, uid: number | undefined): Owner | undefined {
  const mayStart = uid !== ROOT && isWritable(dataDir);
  return [...MADE_BY_SERVERS, ...(mayStart ? [] : [""])]
    .map((name) => statOf(join(dataDir, name)))
    .find((found) => found !== undefined && found.uid !== ROOT);
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Returns undefined if the path cannot be read: the step that opens it reports why. */
function statOf(path: string): Owner | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function belongsTo(dataDir: string, { uid }: Owner): string {
  return `${dataDir} belongs to ${userName(uid)}`;
}

/** Returns the user's name, or the number of a user that `/etc/passwd` does not list. */
export function userName(uid: number): string {
  return listedNameOf(uid) ?? String(uid);
}

function listedNameOf(uid: number): string | undefined {
  try {
    const lines = readFileSync("/etc/passwd", "utf8").split("\n");
    return lines.map((line) => line.split(":")).find(([, , number]) => number === String(uid))?.[0];
  } catch {
    return undefined;
  }
}

/** The command line of this process, to be run by another user. */
function commandAs({ uid, gid }: Owner): string {
  const account = listedNameOf(uid);
  const change =
    account === undefined ? `setpriv --reuid=${uid} --regid=${gid} --clear-groups` : `runuser -u ${account}`;
  return [change, "--", "cpm-registry", ...process.argv.slice(2).map(shellWord)].join(" ");
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
