import { t } from "elysia";
import { explainPackageName, type PackageName, parsePackageName } from "../domain/package-name.ts";
import { failure } from "../errors.ts";
import { oneOf } from "../http/schemas.ts";
import { STATUS_REASONS } from "../tlog/status-leaf.ts";

/** The length of the reason that refused clients read. */
const QUARANTINE_REASON_MAX_CHARS = 300;

/** Why a registry is read-only. Answers to refused changes continue it with a full stop. */
export const ReadOnlyBody = t.Object({
  reason: t.String({
    minLength: 1,
    maxLength: QUARANTINE_REASON_MAX_CHARS,
    pattern: "^[^\\u0000-\\u001f\\u007f]*[^\\u0000-\\u001f\\u007f.]$",
    error: `must be 1 to ${QUARANTINE_REASON_MAX_CHARS} characters in one line, without a full stop at the end`,
  }),
});

/** What an administrator says of a takedown in words. */
export const TakedownBody = t.Object({
  reference: t.String({
    minLength: 1,
    maxLength: QUARANTINE_REASON_MAX_CHARS,
    pattern: "^[^\\u0000-\\u001f\\u007f]*$",
    error: `must be 1 to ${QUARANTINE_REASON_MAX_CHARS} characters in one line`,
  }),
});

/** The body that quarantines a package or a version. */
export const QuarantineBody = t.Object({
  reason: t.String({
    minLength: 1,
    maxLength: QUARANTINE_REASON_MAX_CHARS,
    pattern: "^[^\\u0000-\\u001f\\u007f]*$",
    error: `must be 1 to ${QUARANTINE_REASON_MAX_CHARS} characters in one line: everybody who is refused reads it`,
  }),
  /** What the log records. The reason in words is not part of it. */
  category: t.Optional(oneOf(STATUS_REASONS)),
});

/**
 * Reads a name that may not be published yet. Throws `validation_failed` for text that cannot be a
 * name.
 */
export function nameParam(text: string): PackageName {
  const name = parsePackageName(text);
  if (name !== undefined) return name;
  const faults = [{ path: "/name", message: explainPackageName(text) ?? "is not a valid name" }];
  throw failure({ code: "validation_failed", faults });
}
