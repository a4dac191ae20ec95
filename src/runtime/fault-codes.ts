/**
 * What a code means that the system, SQLite, Postgres or their drivers report.
 *
 * - `full`: there is no room.
 * - `lost`: the connection is gone or was never made. Another one may work.
 * - `contended`: others hold what is needed, or the time for it is up. Nothing is broken.
 * - `unwritable`: reads work, writes do not.
 * - `refused`: this user may not.
 * - `exhausted`: too little memory, or too many open files or connections.
 * - `broken`: a disk or a system fails.
 * - `damaged`: what is stored is not what was written.
 */
export type FaultKind = "full" | "lost" | "contended" | "unwritable" | "refused" | "exhausted" | "broken" | "damaged";

/** A code's meaning. `reason` completes "… cannot be used:" for an operator. */
export interface FaultCode {
  readonly kind: FaultKind;
  readonly reason: string;
}

type Row = readonly [codes: string, kind: FaultKind, reason: string];

/** Codes of system calls and of Node's resolver. */
const SYSTEM: readonly Row[] = [
  ["ENOSPC", "full", "the disk is full"],
  ["EDQUOT", "full", "the disk quota is used up"],
  ["EFBIG", "full", "the file would be larger than the system allows"],
  ["EROFS", "unwritable", "the file system is read-only"],
  ["EACCES EPERM", "refused", "the user of this process has no permission"],
  ["EMFILE ENFILE", "exhausted", "too many files are open"],
  ["ENOMEM", "exhausted", "there is no memory left"],
  ["EIO", "broken", "the disk fails"],
  ["ENXIO ENODEV ESHUTDOWN", "broken", "the disk is gone"],
  ["ESTALE", "broken", "the network file system lost the file"],
  ["EUCLEAN EBADMSG", "broken", "the file system is damaged"],
  ["ENOENT", "lost", "it does not exist"],
  ["ECONNREFUSED", "lost", "nothing listens there"],
  ["ECONNRESET ECONNABORTED EPIPE ENOTCONN", "lost", "the connection was lost"],
  ["ETIMEDOUT", "lost", "it did not answer in time"],
  ["EHOSTUNREACH EHOSTDOWN ENETUNREACH ENETDOWN", "lost", "the host cannot be reached"],
  ["ENOTFOUND", "lost", "no host has this name"],
  ["EAI_AGAIN", "lost", "the name server does not answer"],
  [
    "CERT_HAS_EXPIRED DEPTH_ZERO_SELF_SIGNED_CERT SELF_SIGNED_CERT_IN_CHAIN UNABLE_TO_VERIFY_LEAF_SIGNATURE " +
      "UNABLE_TO_GET_ISSUER_CERT_LOCALLY ERR_TLS_CERT_ALTNAME_INVALID",
    "refused",
    "its certificate is not trusted",
  ],
];

/**
 * SQLSTATEs and their classes, of two characters (PostgreSQL, appendix A), and codes of
 * postgres.js.
 */
const POSTGRES: readonly Row[] = [
  ["08", "lost", "the connection was lost"],
  ["CONNECTION_CLOSED CONNECTION_ENDED CONNECTION_DESTROYED", "lost", "the connection was lost"],
  ["CONNECT_TIMEOUT", "lost", "it did not answer in time"],
  ["25006", "unwritable", "the database is read-only"],
  ["25P03 25P04", "lost", "it ended the session of a slow transaction"],
  ["26000 42P05", "lost", "a pooler gave this session to another client"],
  ["28", "refused", "this user may not connect"],
  ["28P01", "refused", "the user name or the password is wrong"],
  ["3D000", "refused", "the database does not exist"],
  ["3F000", "refused", "the schema does not exist"],
  ["42501", "refused", "this user may not create tables or the extension pg_trgm, or may not use the tables"],
  ["40001 40003 40P01 55006 55P03", "contended", "other transactions hold what is needed"],
  ["57014", "contended", "it did not answer in time"],
  ["53", "exhausted", "the server has no memory or connections left"],
  ["53100", "full", "the disk of the database is full"],
  ["57", "lost", "the server is starting or stopping"],
  ["58", "broken", "the disk of the database fails"],
  ["XX001 XX002", "damaged", "the database is damaged"],
];

/** Primary result codes of SQLite, which stand for their extended codes too, and exceptions. */
const SQLITE: readonly Row[] = [
  ["SQLITE_FULL", "full", "the disk is full"],
  // The index of the WAL could not grow. Nothing else is written there.
  ["SQLITE_IOERR_SHMSIZE", "full", "the disk is full"],
  ["SQLITE_IOERR", "broken", "the disk fails"],
  ["SQLITE_CANTOPEN", "broken", "the file cannot be opened"],
  ["SQLITE_IOERR_NOMEM SQLITE_NOMEM", "exhausted", "there is no memory left"],
  ["SQLITE_IOERR_DATA SQLITE_IOERR_CORRUPTFS", "damaged", "the database is damaged"],
  ["SQLITE_CORRUPT SQLITE_NOTADB", "damaged", "the database is damaged"],
  ["SQLITE_BUSY SQLITE_LOCKED SQLITE_PROTOCOL SQLITE_INTERRUPT", "contended", "another process holds its lock"],
  ["SQLITE_READONLY", "unwritable", "the file is read-only"],
  ["SQLITE_PERM SQLITE_AUTH", "refused", "the user of this process has no permission"],
];

/** The one table of the codes of systems and databases. Codes of S3 are in `blobs/s3-fault.ts`. */
export const FAULT_CODES: ReadonlyMap<string, FaultCode> = new Map(
  [...SYSTEM, ...POSTGRES, ...SQLITE].flatMap(([codes, kind, reason]) =>
    codes.split(" ").map((code) => [code, { kind, reason }] as const),
  ),
);

const SQLSTATE = /^[0-9A-Z]{5}$/;
const SQLITE_EXTENDED = /^(SQLITE_[A-Z]+)_/;

/**
 * Returns what a code means: its own row, or that of its class. Undefined for a code that speaks of
 * the statement and not of the system; then the registry itself is at fault.
 */
export function faultCode(code: string | undefined): FaultCode | undefined {
  if (code === undefined) return undefined;
  const exact = FAULT_CODES.get(code);
  if (exact !== undefined) return exact;
  if (SQLSTATE.test(code) && /\d/.test(code)) return FAULT_CODES.get(code.slice(0, 2));
  const [, primary = ""] = SQLITE_EXTENDED.exec(code) ?? [];
  return FAULT_CODES.get(primary);
}
